"""Handing arrays to a session and taking them back, whichever library's arrays it speaks."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.entities import ArrayKind

__all__ = ["as_kind", "as_numpy"]


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """Return a numpy array of `array`'s values; a view where the values lie in main memory."""
    if isinstance(array, np.ndarray):
        return array
    values: npt.NDArray[Any] = array.detach().cpu().numpy()
    return values


def as_kind(array: npt.NDArray[Any], kind: ArrayKind, device: str) -> Any:
    """Return `array` as a session takes it.

    Args:
        array: a numpy array.
        kind: the session's `array_kind`.
        device: the session's `device`; a torch tensor is moved there.
    """
    if kind == "numpy":
        return array
    # A session of torch tensors exists, so torch is imported already: the core itself never imports it.
    return sys.modules["torch"].from_numpy(array).to(device)
