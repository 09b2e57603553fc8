"""Devices and numeric types: what was asked for, and what torch really gives."""

from __future__ import annotations

import logging
import re
from typing import Any

from im_backend_hf.detection import INSTALL
from inference_models import DeviceUnavailableError, InvalidParameterError, MissingDependencyError
from inference_models.developer_tools import Quantization

_NAME = re.compile(r"(cpu|cuda|mps)(?::(\d+))?")
_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)

logger = logging.getLogger(__name__)
_warned: set[str] = set()


def parse_device(text: str) -> tuple[str, int | None]:
    """Return kind and number of a device. Raises: InvalidParameterError."""
    match = _NAME.fullmatch(text.strip().lower())
    number = int(match[2]) if match and match[2] else None
    if match is None or (number and match[1] != "cuda"):
        raise InvalidParameterError(
            f"device={text!r} is not a device that the hugging-face backend knows: cpu, cuda, cuda:<number> or mps."
        )
    return match[1], number if match[1] == "cuda" else None


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


def choose_device(torch: Any, asked: str | None) -> str:
    """Return the device to use, as torch names it: "cpu", "cuda:0", "mps".

    Args:
        torch: the module.
        asked: what the user asked for; None: CUDA where it works, else the CPU.

    Raises:
        DeviceUnavailableError: it cannot be had. The message says why.
        InvalidParameterError: there is no such device.
    """
    if asked is None:
        reason = _why_no_cuda(torch, None)
        if reason is not None and torch.version.cuda is not None and reason not in _warned:
            _warned.add(reason)
            logger.warning("torch %s is built for CUDA and runs on the CPU: %s", torch.__version__, reason)
        asked = "cpu" if reason is not None else "cuda"
    kind, index = parse_device(asked)
    reason = None
    if kind == "cuda":
        reason = _why_no_cuda(torch, index)
    elif kind == "mps" and not torch.backends.mps.is_available():
        reason = "torch finds no GPU of Apple's here. Ask for another device."
    if reason is not None:
        raise DeviceUnavailableError(f"Device {asked!r} was asked for and cannot be had: {reason}")
    return f"cuda:{torch.cuda.current_device() if index is None else index}" if kind == "cuda" else kind


def _why_no_cuda(torch: Any, index: int | None) -> str | None:
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return f"the installed torch {torch.__version__} is built without CUDA. Install a build with it to use a GPU."
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # torch asserts that its build has CUDA
        return f"{str(error).strip().splitlines()[0]} Check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES."
    count = torch.cuda.device_count()
    if index is not None and index >= count:
        return f"the highest that this process can use is cuda:{count - 1}. Ask for one that is there."
    return None


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


def explain_out_of_memory(torch: Any, error: BaseException, device: str) -> str | None:
    """Return what an error says about memory, in one sentence; None when it is about something else."""
    if not _OUT_OF_MEMORY.search(str(error)):
        return None
    free = ""
    if device.startswith("cuda"):
        left, total = torch.cuda.mem_get_info(device)
        free = f", and {left / 2**30:.2f} of {total / 2**30:.2f} GiB are free"
    return (
        f"{device} has not enough memory{free}. Give fewer images at once or fewer beams, close other models and "
        f"programs that use it, or choose another device"
    )
