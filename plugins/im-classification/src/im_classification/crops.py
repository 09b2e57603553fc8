"""Cutting boxes out of images, as views: no pixel is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from inference_models import ModelRuntimeError

Picture: TypeAlias = Any
"""A numpy array (H, W, 3) or a torch tensor (3, H, W)."""


def split_images(images: Any) -> list[Picture]:
    """Return the images one by one; an array (N, H, W, 3) and a tensor (N, 3, H, W) hold several."""
    if isinstance(images, (list, tuple)):
        return list(images)
    return list(images) if getattr(images, "ndim", 3) == 4 else [images]


def crop_boxes(image: Picture, xyxy: npt.NDArray[np.float32]) -> Iterator[Picture]:
    """Yield what each box shows of an image, in kind, as a view.

    A crop holds every pixel that the box touches, and at least one: that nearest to a box that lies outside the image
    or has no area.

    Args:
        image: numpy (H, W, 3), or torch (3, H, W).
        xyxy: (n, 4) left, top, right, bottom in pixels; they may reach beyond the image.

    Raises:
        ModelRuntimeError: a box has NaN for a side, so nobody knows what it shows.
    """
    undefined = np.isnan(xyxy).any(axis=1)
    if undefined.any():
        raise ModelRuntimeError(
            f"The detector gave {int(undefined.sum())} of {len(xyxy)} boxes with NaN in them, the first "
            f"{xyxy[undefined][0].tolist()}: there is nothing to cut out. Its network or its post-processing is broken."
        )
    is_array = isinstance(image, np.ndarray)
    height, width = image.shape[:2] if is_array else image.shape[1:]
    for left, top, right, bottom in xyxy.tolist():
        columns, rows = _touched(left, right, width), _touched(top, bottom, height)
        yield image[rows, columns] if is_array else image[:, rows, columns]


def _touched(low: float, high: float, length: int) -> slice:
    """Return the pixels of an axis from `low` to `high` that there are, at least one."""
    first = int(min(max(np.floor(low), 0), length - 1))
    last = int(min(max(np.ceil(high), first + 1), length))
    return slice(first, last)
