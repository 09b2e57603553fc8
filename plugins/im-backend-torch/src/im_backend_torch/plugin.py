"""What this plugin declares. Nothing here or in what `detect` imports loads torch."""

from __future__ import annotations

from inference_models.developer_tools import BackendSpec, BackendType, LazyClass, Quantization, hookimpl

_ON_CPU = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.BF16})
_ELSEWHERE = frozenset({Quantization.UNKNOWN, Quantization.FP32, Quantization.FP16})


@hookimpl
def im_backends() -> list[BackendSpec]:
    """Declare PyTorch, for families that own a module, and TorchScript, for networks that travel as a program."""
    return [
        BackendSpec(
            name=BackendType.TORCH,
            priority=500,
            detect=LazyClass("im_backend_torch.detection", "detect"),
            check=LazyClass("im_backend_torch.compatibility", "check_torch"),
            toolkit=LazyClass("im_backend_torch.toolkit", "make_toolkit"),
            manifest_parsers={"torch-model-package-v1": LazyClass("im_backend_torch.manifest", "parse_torch")},
            default_quantizations={"cpu": _ON_CPU, "*": _ELSEWHERE},
        ),
        BackendSpec(
            name=BackendType.TORCH_SCRIPT,
            priority=300,
            detect=LazyClass("im_backend_torch.detection", "detect_torch_script"),
            check=LazyClass("im_backend_torch.compatibility", "check_torch_script"),
            open_session=LazyClass("im_backend_torch.session", "open_session"),
            manifest_parsers={
                "torch-script-model-package-v1": LazyClass("im_backend_torch.manifest", "parse_torch_script")
            },
            default_quantizations={"cpu": _ON_CPU, "*": _ELSEWHERE},
        ),
    ]
