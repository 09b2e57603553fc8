"""What this plugin declares. Nothing here or in what `detect` imports loads tensorrt or torch."""

from __future__ import annotations

from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, Quantization, hookimpl


@hookimpl
def im_backends() -> BackendSpec:
    """Declare the TensorRT backend."""
    return BackendSpec(
        name=BackendType.TRT,
        priority=700,
        detect=LazyClass("im_backend_trt.detection", "detect"),
        check=LazyClass("im_backend_trt.compatibility", "check"),
        rank=LazyClass("im_backend_trt.ranking", "rank"),
        open_session=LazyClass("im_backend_trt.opening", "open_session"),
        session_options=frozenset({"trt_engine_host_code_allowed", "cuda_graph_cache", "disable_cuda_graphs"}),
        check_options=LazyClass("im_backend_trt.options", "check_options"),
        manifest_parsers={"trt-model-package-v1": LazyClass("im_backend_trt.manifest", "parse_manifest")},
        default_quantizations={"*": frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.FP16})},
        compile=LazyClass("im_backend_trt.compiler", "compile_package"),
        compiles=frozenset({BackendType.ONNX}),
    )
