"""Resizing with Pillow's antialiased bilinear filter, as networks see it that were trained on Pillow's pictures.

The filter is a triangle whose width grows with the reduction, applied to rows and to columns; all pixels under it
count, where OpenCV's INTER_LINEAR looks at two. A reduction by p / q has q sets of weights only, each at every p-th
row: OpenCV adds one tap of such a set for many rows at once, on whole rows of bytes. Down first, then the image is
turned over and the same is done across. That takes a third of Pillow's time.

Pillow rounds to whole values between the two steps and at the end. So is done here where many pixels share in one, so
that what rounding adds and takes evens out; where few do, the values between stay as they are. Either way no pixel
differs from Pillow's by more than 1.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.vision.geometry import ImageDimensions
from inference_models.vision.images import Image
from inference_models.vision.requirements import opencv

__all__ = ["HALF_UP", "resize_antialiased", "triangle_taps"]

_VALUES_AT_ONCE = 200_000  # of float32: what the second-level cache of one core holds
_ROWS_AT_ONCE = 10  # of one set of weights; fewer are not worth a call
_BANDS = 4
_ROUNDED_FROM = 1.75  # source pixels per pixel; below, roundings of a few pixels may add up to 1
_PIXELS_FOR_TWO_THREADS = 4_000_000
# Added before rounding: Pillow rounds a half up, OpenCV to the even number. More than the error of the sums.
HALF_UP = 1e-3
_EQUAL = 1e-9  # weights that differ by less are the same number, computed at two places


@frozen
class _Run:
    """Rows of the result that have the same weights, equally far apart, and so are the rows they are made of."""

    first: int
    step: int
    count: int
    source_first: int
    source_step: int
    shares: tuple[float, ...]
    """The share of each tap in the mean of those up to it: one running mean after the other gives the weighted sum."""


def resize_antialiased(image: Image, size: ImageDimensions) -> Image:
    """Return `image` resized as `PIL.Image.resize` does it with BILINEAR, to within 1 of 255.

    Args:
        image: (h, w, 3) or (h, w) uint8, any row stride.
        size: of the result.

    Returns:
        (height, width, 3) or (height, width) uint8, a new array unless the image has that size.
    """
    if image.shape[:2] == (size.height, size.width):
        return image
    resized = np.empty((size.height, size.width, *image.shape[2:]), np.uint8)
    bands = min(max(gcd(image.shape[0], size.height) // _ROWS_AT_ONCE, 1), _BANDS)
    edges = [size.height * index // bands for index in range(bands + 1)]
    jobs = iter(list(pairwise(edges)))

    def work() -> None:
        for start, stop in jobs:
            _resize_band(image, resized, start, stop)

    if bands == 1 or image.shape[0] * image.shape[1] < _PIXELS_FOR_TWO_THREADS:
        work()
    else:
        _with_helper(work)
    return resized


def _with_helper(work: Any) -> None:
    """Call `work` here and in a second thread. OpenCV lets go of Python's lock, so both run."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # raised below, where somebody sees it
            failures.append(error)

    helper = threading.Thread(target=guarded, name="resize")
    helper.start()
    try:
        work()
    finally:
        helper.join()
    if failures:
        raise failures[0]


def _resize_band(image: Image, resized: Image, start: int, stop: int) -> None:
    """Fill rows `start` to `stop` of the result. What is in between fits into the caches."""
    cv2 = opencv()
    height, width = image.shape[:2]
    channels = image.shape[2:]
    down = _runs(height, resized.shape[0], start, stop)
    most = max(run.count for run in down)
    step = min(max(_VALUES_AT_ONCE // (most * (channels[0] if channels else 1)), 64), width)
    reduction = min(height / resized.shape[0], width / resized.shape[1])
    between = np.uint8 if reduction >= _ROUNDED_FROM else np.float32
    turned = np.empty((width, stop - start, *channels), between)
    for left in range(0, width, step):
        right = min(left + step, width)
        part = np.empty((stop - start, right - left, *channels), between)
        _resize_rows(_flat(image[:, left:right]), _flat(part), down)
        cv2.transpose(part, turned[left:right])
    across = np.empty((resized.shape[1], stop - start, *channels), np.uint8)
    _resize_rows(_flat(turned), _flat(across), _runs(width, resized.shape[1], 0, resized.shape[1]))
    cv2.transpose(across, resized[start:stop])


def _flat(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the image with the colours of a row one after the other: (h, w * channels). A copy if they are not."""
    return image.reshape(len(image), -1)


def _resize_rows(rows: npt.NDArray[Any], resized: npt.NDArray[Any], runs: tuple[_Run, ...]) -> None:
    """Fill `resized` (n, width) with weighted sums of `rows` (m, width). Both are uint8 or float32."""
    cv2 = opencv()
    is_rounded = resized.dtype == np.uint8
    sums = np.empty((max(run.count for run in runs), rows.shape[1]), np.float32) if is_rounded else None
    for run in runs:
        made = resized[run.first : run.first + (run.count - 1) * run.step + 1 : run.step]
        total = made if sums is None else sums[: run.count]
        last = run.source_first + (run.count - 1) * run.source_step
        for tap, share in enumerate(run.shares):
            taken = rows[run.source_first + tap : last + tap + 1 : run.source_step]
            if tap == 0:
                total[...] = taken
            else:
                cv2.accumulateWeighted(taken, total, share)
        if is_rounded:
            cv2.convertScaleAbs(total, made, beta=HALF_UP)


def triangle_taps(length: int, resized: int) -> list[tuple[int, npt.NDArray[np.float64]]]:
    """Return, for each pixel of a resized axis, the first pixel it is made of and the weights of this and the next.

    Args:
        length: pixels of the source.
        resized: pixels that become of them.
    """
    scale = length / resized
    reach = max(scale, 1.0)
    taps = []
    for place in range(resized):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), length)
        weights = np.maximum(1 - np.abs(np.arange(low, high) + 0.5 - centre) / reach, 0)
        counting = np.flatnonzero(weights)
        weights = weights[counting[0] : counting[-1] + 1]
        taps.append((low + int(counting[0]), weights / weights.sum()))
    return taps


@lru_cache(maxsize=256)
def _runs(length: int, resized: int, start: int, stop: int) -> tuple[_Run, ...]:
    """Return how rows `start` to `stop` of the result are made, numbered from `start`."""
    taps = triangle_taps(length, resized)
    repeats = gcd(length, resized)  # how often the same weights come up
    source_step, step = length // repeats, resized // repeats
    runs = []
    for phase in range(start, min(start + step, stop)):
        first = phase
        while first < stop:
            count = 1
            while first + count * step < stop and _is_alike(taps, first, count, step, source_step):
                count += 1
            low, weights = taps[first]
            shares = weights / np.cumsum(weights)
            runs.append(_Run(first - start, step, count, low, source_step, tuple(shares.tolist())))
            first += count * step
    return tuple(runs)


def _is_alike(
    taps: list[tuple[int, npt.NDArray[np.float64]]], first: int, count: int, step: int, source_step: int
) -> bool:
    """Tell whether a row has the weights of `first`, `count` steps on. At the edges some are cut off."""
    (low, weights), (other_low, other) = taps[first], taps[first + count * step]
    if other_low != low + count * source_step or len(other) != len(weights):
        return False
    return bool(np.abs(other - weights).max() < _EQUAL)
