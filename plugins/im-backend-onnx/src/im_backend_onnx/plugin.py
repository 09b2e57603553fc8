"""What this plugin declares. Nothing here or in what `detect` imports loads onnxruntime."""

from __future__ import annotations

from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, Quantization, hookimpl

_ON_CPU = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.BF16})
_ELSEWHERE = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.FP16})


@hookimpl
def im_backends() -> BackendSpec:
    """Declare the ONNX Runtime backend."""
    return BackendSpec(
        name=BackendType.ONNX,
        priority=600,
        detect=LazyClass("im_backend_onnx.detection", "detect"),
        check=LazyClass("im_backend_onnx.compatibility", "check"),
        rank=LazyClass("im_backend_onnx.ranking", "rank"),
        open_session=LazyClass("im_backend_onnx.session", "open_session"),
        session_options=frozenset({"onnx_array_kind", "onnx_execution_providers", "onnx_threads"}),
        # Whoever names execution providers wants ONNX Runtime to run; the others only say how, where it does.
        selecting_options=frozenset({"onnx_execution_providers"}),
        check_options=LazyClass("im_backend_onnx.options", "check_options"),
        settings=frozenset({"ONNXRUNTIME_EXECUTION_PROVIDERS"}),
        manifest_parsers={"onnx-model-package-v1": LazyClass("im_backend_onnx.manifest", "parse_manifest")},
        default_quantizations={"cpu": _ON_CPU, "*": _ELSEWHERE},
    )
