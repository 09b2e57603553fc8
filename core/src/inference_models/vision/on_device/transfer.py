"""From the host to a device. The way back is `predictions.download`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["upload", "upload_stacked"]

Tensor = Any


def upload(array: npt.NDArray[Any], device: str) -> Tensor:
    """Return a copy of `array` on `device`."""
    return upload_stacked([array], device)[0]


def upload_stacked(arrays: Sequence[npt.NDArray[Any]], device: str) -> Tensor:
    """Return arrays of one shape and dtype as one tensor on `device`, the first axis counting them, in one transfer.

    Any strides will do, and memory that must not be written. The caller may overwrite the arrays at once.
    """
    torch = sys.modules["torch"]
    # A CUDA device copies from page-locked memory by itself, while the host goes on; torch keeps such blocks for the
    # next call. From the caller's own memory it could not: that may hold the next frame before the copy is done.
    locked = torch.device(device).type == "cuda"
    shape = (len(arrays), *arrays[0].shape)
    staged = torch.empty(shape, dtype=getattr(torch, arrays[0].dtype.name), pin_memory=locked)
    for target, array in zip(staged.numpy(), arrays, strict=True):
        np.copyto(target, array)
    return staged.to(device, non_blocking=locked)
