from __future__ import annotations

import subprocess
import sys

from im_backend_onnx.options import SESSION_OPTIONS
from im_backend_onnx.plugin import im_backends
from im_backend_onnx.providers import EXECUTION_PROVIDERS
from inference_models.developer_tools import Quantization, current_catalog


def test_the_backend_is_discovered_from_its_entry_point() -> None:
    declared = current_catalog().backend("onnx")

    assert declared.plugin.distribution == "im-backend-onnx"
    assert declared.spec == im_backends()


def test_every_target_exists() -> None:
    spec = im_backends()

    targets = (spec.detect, spec.check, spec.check_options, spec.rank, spec.open_session)
    for target in (*targets, *spec.manifest_parsers.values()):
        assert callable(target.resolve())


def test_what_the_spec_names_is_what_the_code_reads() -> None:
    spec = im_backends()

    assert spec.settings == {EXECUTION_PROVIDERS.name}
    assert spec.session_options == set(SESSION_OPTIONS)


def test_int8_and_the_wrong_half_precision_are_never_chosen_by_default() -> None:
    defaults = im_backends().default_quantizations

    assert defaults["cpu"] == {Quantization.FP32, Quantization.BF16, Quantization.UNKNOWN}
    assert defaults["*"] == {Quantization.FP32, Quantization.FP16, Quantization.UNKNOWN}


def test_declaring_and_detecting_import_no_runtime() -> None:
    program = (
        "import sys\n"
        "from im_backend_onnx.plugin import im_backends\n"
        "im_backends().detect.resolve()()\n"
        "im_backends().check_options.resolve()\n"
        "print(*[name for name in ('onnxruntime', 'numpy', 'torch', 'onnx') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == []
