"""Resizing 8-bit images on a device, with the same result as `cv2.resize` with INTER_LINEAR.

OpenCV computes in whole numbers: weights have 11 bits, sums across are shortened by 4 bits and products down by 16, so
2 bits are left to round. The same is done here, with tables of places and weights that are made on the host.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.on_device.transfer import upload

__all__ = ["mirrored_places", "resize_axis", "resize_bytes"]

Tensor = Any
Table = npt.NDArray[np.int32]

_ONE = np.float32(2048)


@lru_cache(maxsize=256)
def resize_axis(length: int, resized: int, before: int = 0, after: int = 0, *, is_vertical: bool = False) -> Table:
    """Return which two pixels each pixel of a resized axis is made of, and with which weights.

    Args:
        length: pixels of the source.
        resized: pixels that become of them.
        before: further pixels before these: the image mirrored at its edge, with the edge pixel repeated.
        after: further pixels after them.
        is_vertical: OpenCV gives the outermost pixel all the weight across the image, but splits it down the image.

    Returns:
        (4, before + resized + after): two places and their weights, in 2048ths.
    """
    # From here on as OpenCV rounds: places in float64, the distance from the pixel before in float32.
    scale = 1 / (resized / length)
    places = ((np.arange(resized) + 0.5) * scale - 0.5).astype(np.float32)
    low = np.floor(places)
    share = places - low
    if not is_vertical:
        share[(low < 0) | (low >= length - 1)] = 0
    table = np.empty((4, resized), np.int32)
    table[0] = np.clip(low, 0, length - 1)
    table[1] = np.clip(low + 1, 0, length - 1)
    table[2] = np.rint((1 - share) * _ONE)
    table[3] = np.rint(share * _ONE)
    if before or after:
        table = table[:, mirrored_places(resized, before, after)]
    table.setflags(write=False)  # callers share it
    return table


def mirrored_places(length: int, before: int, after: int) -> npt.NDArray[np.intp]:
    """Return which pixel lies at each place of an axis that is continued by its mirror image, edge pixels repeated."""
    turns = np.arange(-before, length + after) % (2 * length)
    return np.minimum(turns, 2 * length - 1 - turns)


def resize_bytes(pixels: Tensor, rows: Table, columns: Table) -> Tensor:
    """Return images resized.

    Args:
        pixels: (b, c, h, w) uint8, any strides.
        rows: (4, height) as `resize_axis` returns it.
        columns: (4, width), likewise.

    Returns:
        (b, c, height, width) int32 in 0 to 255, a new tensor.
    """
    table = upload(np.concatenate([rows, columns], axis=1), str(pixels.device))
    places, height = table[:2].long(), rows.shape[1]
    left, right = places[:, height:]
    above, below = (_across(pixels, row[:, None], (left, right), table[2:, height:]) for row in places[:, :height])
    above_weight, below_weight = table[2:, :height, None]
    # Each product is shortened before they are added, which loses other bits than after.
    above.bitwise_right_shift_(4).mul_(above_weight).bitwise_right_shift_(16)
    below.bitwise_right_shift_(4).mul_(below_weight).bitwise_right_shift_(16)
    return above.add_(below).add_(2).bitwise_right_shift_(2)


def _across(pixels: Tensor, row: Tensor, columns: tuple[Tensor, Tensor], weights: Tensor) -> Tensor:
    """Return (b, c, height, width) int32: the pixels of `row` (height, 1) interpolated across, in 2048ths."""
    left, right = columns
    return (pixels[:, :, row, left] * weights[0]).add_(pixels[:, :, row, right] * weights[1])
