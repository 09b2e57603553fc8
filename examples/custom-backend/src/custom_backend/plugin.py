"""What this plugin declares. Nothing here or in what `detect` imports loads openvino."""

from __future__ import annotations

from custom_backend.manifest import BACKEND, TYPE
from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, Quantization, hookimpl


@hookimpl
def im_backends() -> BackendSpec:
    """Declare the backend."""
    return BackendSpec(
        name=BACKEND,
        # Above ONNX Runtime: whoever compiled a package for OpenVINO wants it to be used.
        priority=650,
        detect=LazyClass("custom_backend.detection", "detect"),
        check=LazyClass("custom_backend.compatibility", "check"),
        open_session=LazyClass("custom_backend.opening", "open_session"),
        session_options=frozenset({"openvino_precision", "openvino_threads"}),
        manifest_parsers={TYPE: LazyClass("custom_backend.manifest", "parse_manifest")},
        # Weights in half precision run everywhere: a CPU without such arithmetic computes with them in float32.
        default_quantizations={"*": frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.FP16})},
        compile=LazyClass("custom_backend.compiler", "compile_package"),
        compiles=frozenset({BackendType.ONNX}),
    )
