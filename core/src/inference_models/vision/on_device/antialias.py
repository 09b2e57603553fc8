"""Resizing with Pillow's antialiased bilinear filter, on a device."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.antialias import HALF_UP
from inference_models.vision.on_device.resizing import mirrored_places
from inference_models.vision.on_device.transfer import upload
from inference_models.vision.triangle import triangle_taps

__all__ = ["antialias_axis", "resize_bytes_antialiased"]

Tensor = Any
Weights = npt.NDArray[np.float32]


@lru_cache(maxsize=64)
def antialias_axis(length: int, resized: int, before: int = 0, after: int = 0) -> Weights:
    """Return how much each pixel of an axis counts for each that becomes of them.

    Args:
        length: pixels of the source.
        resized: pixels that become of them.
        before: further pixels before these: the image mirrored at its edge, with the edge pixel repeated.
        after: further pixels after them.

    Returns:
        (before + resized + after, length).
    """
    taps = triangle_taps(length, resized)
    weights = np.zeros((resized, length), np.float32)
    np.put_along_axis(weights, taps.low[:, None] + np.arange(taps.weights.shape[1]), taps.weights, axis=1)
    if before or after:
        weights = weights[mirrored_places(resized, before, after)]
    weights.setflags(write=False)  # callers share it
    return weights


def resize_bytes_antialiased(pixels: Tensor, rows: Weights, columns: Weights) -> Tensor:
    """Return what `vision.antialias.resize_antialiased` returns for every image, to within 1 of 255.

    Most weights are zero, but a product of whole matrices is what such devices are made for.

    Args:
        pixels: (b, c, h, w) uint8, any strides.
        rows: (height, h) as `antialias_axis` returns it.
        columns: (width, w), likewise.

    Returns:
        (b, c, height, width) float32, whole numbers in 0 to 255, a new tensor.
    """
    device = str(pixels.device)
    down = upload(rows, device) @ pixels.float()
    return (down @ upload(columns, device).T).add_(HALF_UP).round_().clamp_(0, 255)
