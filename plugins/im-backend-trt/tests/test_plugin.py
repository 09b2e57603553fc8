from __future__ import annotations

import subprocess
import sys

from im_backend_trt.options import SESSION_OPTIONS
from im_backend_trt.plugin import im_backends
from inference_models.developer_tools import Quantization, current_catalog


def test_the_backend_is_discovered_from_its_entry_point() -> None:
    declared = current_catalog().backend("trt")
    assert declared.plugin.distribution == "im-backend-trt"
    assert declared.spec == im_backends()


def test_every_target_exists() -> None:
    spec = im_backends()
    targets = (spec.detect, spec.check, spec.check_options, spec.rank, spec.open_session, spec.compile)
    for target in (*targets, *spec.manifest_parsers.values()):
        assert callable(target.resolve())


def test_what_the_spec_names_is_what_the_code_reads() -> None:
    assert im_backends().session_options == set(SESSION_OPTIONS)


def test_it_comes_first_and_never_takes_int8_by_itself() -> None:
    spec = im_backends()
    assert spec.priority == max(row.spec.priority for row in current_catalog().backends())
    assert spec.default_quantizations == {"*": {Quantization.FP32, Quantization.FP16, Quantization.UNKNOWN}}


def test_declaring_and_detecting_import_no_runtime() -> None:
    program = (
        "import sys\n"
        "from im_backend_trt.plugin import im_backends\n"
        "from inference_models import BackendUnavailable\n"
        "try:\n"
        "    im_backends().detect.resolve()()\n"
        "except BackendUnavailable:\n"
        "    pass\n"
        "print(*[name for name in ('tensorrt', 'tensorrt_lean', 'numpy', 'torch', 'onnx') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
