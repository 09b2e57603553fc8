"""What this plugin declares. Nothing here or in what `detect` imports loads transformers or torch."""

from __future__ import annotations

from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, Quantization, hookimpl

_ON_CPU = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.BF16})
_ELSEWHERE = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.FP16, Quantization.BF16})


@hookimpl
def im_backends() -> BackendSpec:
    """Declare Hugging Face transformers, for families that own one of its models."""
    return BackendSpec(
        name=BackendType.HF,
        priority=400,
        detect=LazyClass("im_backend_hf.detection", "detect"),
        check=LazyClass("im_backend_hf.compatibility", "check"),
        toolkit=LazyClass("im_backend_hf.toolkit", "make_toolkit"),
        session_options=frozenset({"dtype", "load_in_4bit"}),
        check_options=LazyClass("im_backend_hf.options", "check_options"),
        manifest_parsers={"hf-model-package-v1": LazyClass("im_backend_hf.manifest", "parse")},
        # Weights in half precision run on the CPU too: they are computed with in bfloat16 or float32.
        default_quantizations={"cpu": _ON_CPU | {Quantization.FP16}, "*": _ELSEWHERE},
    )
