from __future__ import annotations

import subprocess
import sys

from im_backend_hf.options import SESSION_OPTIONS
from im_backend_hf.plugin import im_backends
from inference_models.developer_tools import Quantization, TransformersToolkit, current_catalog

SPEC = im_backends()


def test_the_backend_is_discovered_from_the_entry_point() -> None:
    declared = current_catalog().backend("hugging-face")
    assert declared.plugin.distribution == "im-backend-hf"
    assert declared.spec == SPEC


def test_every_target_exists() -> None:
    for target in (SPEC.detect, SPEC.check, SPEC.check_options, SPEC.toolkit, *SPEC.manifest_parsers.values()):
        assert callable(target.resolve())


def test_what_the_spec_names_is_what_the_code_reads() -> None:
    assert SPEC.session_options == SESSION_OPTIONS


def test_it_comes_after_pytorch_and_hands_out_a_toolkit_instead_of_sessions() -> None:
    assert SPEC.priority == 400
    assert SPEC.open_session is None


def test_the_toolkit_is_what_the_core_describes() -> None:
    assert isinstance(SPEC.toolkit.resolve()(device="cpu", package=None, options={}), TransformersToolkit)


def test_half_precision_runs_everywhere_and_int8_nowhere() -> None:
    for device in ("cpu", "*"):
        chosen = SPEC.default_quantizations[device]
        assert {Quantization.FP32, Quantization.FP16, Quantization.BF16, Quantization.UNKNOWN} == chosen


def test_declaring_detecting_and_checking_import_no_runtime() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from im_backend_hf.plugin import im_backends\n"
        "from inference_models.developer_tools import ModelPackageMetadata, Request, x_ray_runtime_environment\n"
        "environment = x_ray_runtime_environment()\n"
        "spec = im_backends()\n"
        "assert environment.backend(spec.name).facts['version']\n"
        "package = ModelPackageMetadata('p', spec.name, directory=Path('x'))\n"
        "assert spec.check.resolve()(package, environment, Request()) is None\n"
        "heavy = ('torch', 'numpy', 'transformers', 'tokenizers', 'safetensors', 'huggingface_hub', 'PIL')\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
