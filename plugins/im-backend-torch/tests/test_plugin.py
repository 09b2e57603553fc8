from __future__ import annotations

import subprocess
import sys

import pytest

from im_backend_torch.plugin import im_backends
from inference_models.developer_tools import BackendSpec, Quantization, current_catalog

SPECS = {spec.name: spec for spec in im_backends()}


@pytest.mark.parametrize("name", ["torch", "torch-script"])
def test_the_backends_are_discovered_from_the_entry_point(name: str) -> None:
    declared = current_catalog().backend(name)

    assert declared.plugin.distribution == "im-backend-torch"
    assert declared.spec == SPECS[name]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_target_exists(spec: BackendSpec) -> None:
    targets = [spec.detect, spec.check, spec.open_session or spec.toolkit, *spec.manifest_parsers.values()]
    for target in targets:
        assert callable(target.resolve())


def test_pytorch_comes_before_torchscript_and_hands_out_a_toolkit_instead_of_sessions() -> None:
    assert (SPECS["torch"].priority, SPECS["torch-script"].priority) == (500, 300)
    assert SPECS["torch"].open_session is None
    assert SPECS["torch-script"].toolkit is None


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_int8_and_the_wrong_half_precision_are_never_chosen_by_default(spec: BackendSpec) -> None:
    assert spec.default_quantizations == {
        "cpu": {Quantization.FP32, Quantization.BF16, Quantization.UNKNOWN},
        "*": {Quantization.FP32, Quantization.FP16, Quantization.UNKNOWN},
    }


def test_declaring_detecting_and_checking_import_no_runtime() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from im_backend_torch.plugin import im_backends\n"
        "from inference_models.developer_tools import ModelPackageMetadata, Request, x_ray_runtime_environment\n"
        "environment = x_ray_runtime_environment()\n"
        "for spec in im_backends():\n"
        "    environment.backend(spec.name)\n"
        "    package = ModelPackageMetadata('p', spec.name, directory=Path('x'))\n"
        "    assert spec.check.resolve()(package, environment, Request()) is None\n"
        "print(*[name for name in ('torch', 'numpy', 'safetensors', 'torchvision') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == []
