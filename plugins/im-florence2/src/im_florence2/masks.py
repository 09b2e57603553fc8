"""Outlines as masks."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def mask_of(outlines: Iterable[npt.NDArray[np.float32]], height: int, width: int) -> Mask:
    """Return which pixels have their centre inside one of several outlines.

    Args:
        outlines: each (n, 2) x, y in pixels; it closes itself, and what it encloses twice is outside.
        height: of the mask.
        width: of the mask.

    Returns:
        (height, width) bool.
    """
    mask = np.zeros((height, width), np.bool_)
    for outline in outlines:
        mask |= _inside(outline.astype(np.float64), height, width)
    return mask


def _inside(outline: npt.NDArray[np.float64], height: int, width: int) -> Mask:
    """Cross each row of pixel centres from the left: each edge on the way changes inside for outside."""
    crossed = np.zeros((height, width + 1), np.bool_)
    for ends in zip(outline.tolist(), np.roll(outline, -1, axis=0).tolist(), strict=True):
        (x0, y0), (x1, y1) = sorted(ends, key=itemgetter(1))
        rows = np.arange(max(int(np.ceil(y0 - 0.5)), 0), min(int(np.ceil(y1 - 0.5)), height))
        if len(rows):
            places = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            crossed[rows, np.clip(np.ceil(places - 0.5), 0, width).astype(np.intp)] ^= True
    inside: Mask = np.logical_xor.accumulate(crossed, axis=1)[:, :width]
    return inside
