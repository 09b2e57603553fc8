"""The three ways in which contrast is enhanced, on 8-bit images.

Packages that ask for one were trained on images enhanced by scikit-image (`skimage.exposure`), so the arithmetic
is that of its `equalize_adapthist(clip_limit=0.03)`, `rescale_intensity(in_range=(p2, p98))` and `equalize_hist`. On
8 bits each is a table of 256 values (one per tile for the adaptive one), which OpenCV looks up many times faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.images import Image
from inference_models.vision.inference_config import ContrastType
from inference_models.vision.requirements import opencv

__all__ = ["enhance_contrast"]

_PERCENTILES = (2, 98)
_CLIP_LIMIT = 0.03  # of a tile's pixels, for one bin of its histogram
_TILES = 8  # per axis
_LEVELS = 16383  # the adaptive one counts in 14 bits ...
_LEVELS_PER_BIN = 65  # ... of which so many share a bin

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


def enhance_contrast(image: Image, contrast: ContrastType) -> Image:
    """Return `image` with more contrast, in a new array.

    An image of one value only is returned as it is. So, almost, is one in which all but 4 % of the values are the same
    by contrast stretching, as scikit-image does it: there is no range to stretch, and what lies outside is lost.

    Args:
        image: (H, W) or (H, W, 3) uint8, as OpenCV takes it.
        contrast: how.
    """
    if image.min() == image.max():
        return image.copy()
    return {
        ContrastType.ADAPTIVE_EQUALIZATION: _equalize_adaptively,
        ContrastType.CONTRAST_STRETCHING: _stretch,
        ContrastType.HISTOGRAM_EQUALIZATION: _equalize,
    }[contrast](image)


def _histogram(image: Image) -> Counts:
    """Return how often each of 256 values occurs, in all channels together."""
    cv2 = opencv()
    channels = 1 if image.ndim == 2 else image.shape[2]
    counts = [cv2.calcHist([image], [channel], None, [256], [0, 256]) for channel in range(channels)]
    total: Counts = np.sum(counts, axis=0, dtype=np.float64).ravel().astype(np.int64)
    return total


def _look_up(image: Image, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = opencv().LUT(image, table)
    return found


def _stretch(image: Image) -> Image:
    """Spread the values between two percentiles over the whole range; what lies outside is clipped."""
    up_to = np.cumsum(_histogram(image))
    low, high = (_percentile(up_to, percent) for percent in _PERCENTILES)
    clipped = np.clip(np.arange(256, dtype=np.float64), low, high)
    table = clipped if low == high else (clipped - low) / (high - low) * 255
    return _look_up(image, table.astype(np.uint8))


def _percentile(up_to: Counts, percent: float) -> float:
    """Return the percentile, interpolated linearly, from the number of values up to each value."""
    position = (up_to[-1] - 1) * percent / 100
    before, after = np.searchsorted(up_to, [np.floor(position), np.ceil(position)], side="right")
    return float(before + (after - before) * (position - np.floor(position)))


def _equalize(image: Image) -> Image:
    """Map each value to the share of values that are not larger."""
    up_to = np.cumsum(_histogram(image))
    return _look_up(image, np.rint(up_to * (255 / up_to[-1])).astype(np.uint8))


def _equalize_adaptively(image: Image) -> Image:
    """Equalize tile by tile. In colour, the largest channel is equalized, and hue and saturation are kept."""
    cv2 = opencv()
    value = image if image.ndim == 2 else cv2.max(cv2.max(*cv2.split(image)[:2]), cv2.split(image)[2])
    if value.min() == value.max():
        return image.copy()
    enhanced = _equalize_tiles(value)
    if image.ndim == 2:
        return np.rint(enhanced).astype(np.uint8)
    ratio = np.divide(enhanced, value, out=np.zeros_like(enhanced), where=value > 0)
    result: Image = cv2.multiply(image, cv2.merge([ratio] * 3), dtype=cv2.CV_8U)
    black = value == 0
    result[black] = np.rint(enhanced[black]).astype(np.uint8)[:, None]
    return result


def _equalize_tiles(value: Image) -> Floats:
    """Return (H, W) values of 0 to 255 by contrast-limited adaptive histogram equalization.

    Every tile has a table; between the middles of four tiles their tables are interpolated.
    """
    cv2 = opencv()
    low, high = int(value.min()), int(value.max())
    levels = (np.clip(np.arange(256.0), low, high) - low) / (high - low) * _LEVELS
    bins = _look_up(value, (np.rint(levels).astype(np.int64) // _LEVELS_PER_BIN).astype(np.uint8))
    height, width = (max(length // _TILES, 1) for length in value.shape)
    # Half a tile more on every side, and what the last tile lacks: the middles of tiles then lie at whole tiles.
    rest = [-length % tile + (tile + 1) // 2 for length, tile in zip(value.shape, (height, width), strict=True)]
    padded = cv2.copyMakeBorder(bins, height // 2, rest[0], width // 2, rest[1], cv2.BORDER_REFLECT_101)
    tables = np.pad(_tables(padded, height, width), ((1, 1), (1, 1), (0, 0)), mode="edge")
    whole = _interpolate(padded, tables, height, width)
    result: Floats = np.floor(whole[height // 2 :, width // 2 :][: value.shape[0], : value.shape[1]])
    smallest, largest = result.min(), result.max()
    result -= smallest
    result *= np.float32(255 / max(largest - smallest, 1))
    return result


def _tables(padded: Image, height: int, width: int) -> Floats:
    """Return the table of each tile: (tiles down, tiles across, 256)."""
    down, across = padded.shape[0] // height - 1, padded.shape[1] // width - 1
    limit = max(int(_CLIP_LIMIT * height * width), 1)
    tables = np.empty((down, across, 256), np.float32)
    for row, column in np.ndindex(down, across):
        top, left = height // 2 + row * height, width // 2 + column * width
        counts = _clip(_histogram(padded[top : top + height, left : left + width]), limit)
        tables[row, column] = np.minimum((np.cumsum(counts) * (_LEVELS / (height * width))).astype(np.int64), _LEVELS)
    return tables


def _clip(counts: Counts, limit: int) -> Counts:
    """Return `counts` with at most `limit` in a bin; the excess goes to the others, evenly."""
    excess = int(np.maximum(counts - limit, 0).sum())
    clipped = np.minimum(counts, limit)
    share = excess // clipped.size
    roomy = clipped < limit - share
    after = np.where(roomy, clipped + share, limit)
    excess -= int((after - clipped).sum())
    while excess > 0 and (after < limit).any():
        excess = _hand_out(after, limit, excess)
    return after


def _hand_out(counts: Counts, limit: int, excess: int) -> int:
    """Give one each to bins with room, spread over all of them, in place; return what is left after one round."""
    for start in range(counts.size):
        step = max(1, int(np.count_nonzero(counts < limit)) // excess)
        spread = counts[start::step]
        open_bins = spread < limit
        spread[open_bins] += 1
        excess -= int(np.count_nonzero(open_bins))
        if excess <= 0:
            break
    return excess


def _interpolate(padded: Image, tables: Floats, height: int, width: int) -> Floats:
    """Look every pixel up in the tables of the four nearest tiles, each weighted by how near its middle is."""
    result = np.empty(padded.shape, np.float32)
    down, across = (np.arange(length, dtype=np.float32) / np.float32(length) for length in (height, width))
    corners = [((1 - down)[:, None], down[:, None]), (1 - across, across)]
    weights = {(y, x): corners[0][y] * corners[1][x] for y in (0, 1) for x in (0, 1)}
    for row, column in np.ndindex(padded.shape[0] // height, padded.shape[1] // width):
        part = (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
        tile, target = np.ascontiguousarray(padded[part]), result[part]
        target[...] = 0
        for (y, x), weight in weights.items():
            target += _look_up(tile, tables[row + y, column + x]) * weight
    return result
