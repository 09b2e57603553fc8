"""The runtime, and the numeric type to compute in."""

from __future__ import annotations

from typing import Any

from im_backend_hf.detection import INSTALL
from inference_models import MissingDependencyError
from inference_models.developer_tools import Quantization


def import_runtime() -> tuple[Any, Any]:
    """Return the modules transformers and torch. Raises: MissingDependencyError."""
    try:
        import torch
        import transformers
    except Exception as error:  # a torchvision that does not match breaks it in many ways
        raise MissingDependencyError(
            f"transformers and torch cannot be imported: {type(error).__name__}: {error}. `im doctor` shows what is "
            f"installed; to install them: {INSTALL}"
        ) from error
    return transformers, torch


def choose_dtype(torch: Any, device: str, quantization: Quantization) -> Any:
    """Return the `torch.dtype` to compute in.

    Weights in single precision, or of unknown precision, are computed with in float32. Those in half precision on
    the CPU in bfloat16 where its instructions know that, else in float32; on GPUs in the half precision that they are
    in, in float16 where the GPU does not know bfloat16.
    """
    if quantization not in (Quantization.FP16, Quantization.BF16):
        return torch.float32
    if device == "cpu":
        return torch.bfloat16 if cpu_has_bfloat16(torch) else torch.float32
    if quantization is Quantization.BF16 and device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float16


def cpu_has_bfloat16(torch: Any) -> bool:
    """Return whether the CPU has instructions for bfloat16; without them it is slower than float32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, name, bool)() for name in checks)
