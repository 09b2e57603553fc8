"""Resizing with Pillow's antialiased bilinear filter, as networks see it that were trained on Pillow's pictures.

The filter is a triangle whose width grows with the reduction, applied to rows and to columns; all pixels under it
count, where OpenCV's INTER_LINEAR looks at two. A reduction by p / q has q sets of weights only, each at every p-th
row: OpenCV adds one tap of such a set for many rows at once, on whole rows of bytes. Down first, then the image is
turned over and the same is done across. That takes a third of Pillow's time, and less with a second thread. Where
hardly two rows have the same weights, a few rows at a time are the product of a small matrix of weights with the rows
they are made of.

Pillow rounds to whole values between the two steps and at the end. So is done here where many pixels share in one, so
that what rounding adds and takes evens out; where few do, the values between stay as they are. Either way no pixel
differs from Pillow's by more than 1.
"""

from __future__ import annotations

import threading
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.geometry import ImageDimensions
from inference_models.vision.images import Image
from inference_models.vision.requirements import opencv
from inference_models.vision.triangle import Block, Plan, Run, plan_rows

__all__ = ["HALF_UP", "resize_antialiased"]

_VALUES_AT_ONCE = 150_000  # of float32: what the second-level cache of one core holds
_ROWS_AT_ONCE = 5  # of one set of weights; fewer are not worth a call
_ROUNDED_FROM = 1.75  # source pixels per pixel; below, roundings of a few pixels may add up to 1
# Multiplications of one product: OpenBLAS makes larger ones with threads of its own, which wait for each other.
_PRODUCT = 2**19
_FEWEST_COLUMNS = 64
_PIXELS_FOR_TWO_THREADS = 1_500_000
# Added before rounding: Pillow rounds a half up, OpenCV to the even number. More than the error of the sums.
HALF_UP = 1e-3
# Of many callers at once one has a helper: more threads than cores would only wait for each other.
_helper_is_free = threading.Lock()


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
    if _is_across_first(image.shape[0], image.shape[1], size):
        turned = opencv().transpose(np.ascontiguousarray(image))
        across = resize_antialiased(turned, ImageDimensions(size.width, size.height))
        return opencv().transpose(across)  # type: ignore[no-any-return]
    resized = np.empty((size.height, size.width, *image.shape[2:]), np.uint8)
    is_large = image.shape[0] * image.shape[1] >= _PIXELS_FOR_TWO_THREADS
    if not is_large or not _helper_is_free.acquire(blocking=False):
        _resize_share(image, resized, 0, size.height)
        return resized
    try:
        shares = iter(_cut(0, size.height, 2))

        def work() -> None:
            for start, stop in shares:
                _resize_share(image, resized, start, stop)

        _with_helper(work)
    finally:
        _helper_is_free.release()
    return resized


def _is_across_first(height: int, width: int, size: ImageDimensions) -> bool:
    """Return whether it is less work to turn the image first: it is wide, and becomes less so.

    Counted are values that are summed or turned, two for each pixel of the longer side of a step.
    """
    down = 2 * max(height, size.height) * width + 2 * max(width, size.width) * size.height + width * size.height
    across = 2 * max(width, size.width) * height + 2 * max(height, size.height) * size.width
    return across + height * (width + size.width) < down


def _cut(start: int, stop: int, count: int) -> list[tuple[int, int]]:
    """Return `count` parts of a range, about equally long, and none empty."""
    edges = [start + (stop - start) * index // count for index in range(count + 1)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


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


def _resize_share(image: Image, resized: Image, start: int, stop: int) -> None:
    """Fill rows `start` to `stop` of the result."""
    cv2 = opencv()
    (height, width), channels = image.shape[:2], image.shape[2:]
    reduction = min(height / resized.shape[0], width / resized.shape[1])
    between = np.uint8 if reduction >= _ROUNDED_FROM else np.float32
    turned = np.empty((width, stop - start, *channels), between)
    for first, last in _cut(start, stop, _band_count(image, resized.shape[0], stop - start)):
        part = np.empty((last - first, width, *channels), between)
        _resize_rows(_flat(image), _flat(part), plan_rows(height, resized.shape[0], first, last))
        cv2.transpose(part, turned[:, first - start : last - start])
    across = np.empty((resized.shape[1], stop - start, *channels), np.uint8)
    _resize_rows(_flat(turned), _flat(across), plan_rows(width, resized.shape[1], 0, resized.shape[1]))
    cv2.transpose(across, resized[start:stop])


def _band_count(image: Image, height: int, rows: int) -> int:
    """Return in how many bands `rows` of the result are made, so that what is summed at once fits into a cache."""
    repeats = gcd(len(image), height) * rows // height
    return min(-(-repeats * image[0].size // _VALUES_AT_ONCE) or 1, max(repeats // _ROWS_AT_ONCE, 1))


def _flat(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the image with the colours of a row one after the other: (h, w * channels). A copy if they are not."""
    return image.reshape(len(image), -1)


def _resize_rows(rows: npt.NDArray[Any], resized: npt.NDArray[Any], plan: Plan) -> None:
    """Fill `resized` (n, width) with weighted sums of `rows` (m, width). Both are uint8 or float32."""
    runs = [one for one in plan if isinstance(one, Run)]
    blocks = [one for one in plan if isinstance(one, Block)]
    if runs:
        _sum_runs(rows, resized, runs)
    if blocks:
        _multiply_blocks(rows, resized, blocks)


def _sum_runs(rows: npt.NDArray[Any], resized: npt.NDArray[Any], runs: list[Run]) -> None:
    cv2 = opencv()
    is_rounded = resized.dtype == np.uint8
    if is_rounded:
        sums = np.zeros((max(run.count for run in runs), rows.shape[1]), np.float32)
    else:
        resized[...] = 0
    for run in runs:
        made = resized[run.first : run.first + (run.count - 1) * run.step + 1 : run.step]
        total = sums[: run.count] if is_rounded else made
        last = run.source_first + (run.count - 1) * run.source_step
        for tap, share in enumerate(run.shares):  # the first is 1, and leaves nothing of what was there
            taken = rows[run.source_first + tap : last + tap + 1 : run.source_step]
            cv2.accumulateWeighted(taken, total, share)
        if is_rounded:
            cv2.convertScaleAbs(total, made, beta=HALF_UP)


def _multiply_blocks(rows: npt.NDArray[Any], resized: npt.NDArray[Any], blocks: list[Block]) -> None:
    cv2 = opencv()
    columns = max(_PRODUCT // max(block.weights.size for block in blocks), _FEWEST_COLUMNS)
    for start, stop in _cut(0, rows.shape[1], -(-rows.shape[1] // columns)):
        for block in blocks:
            count, taps = block.weights.shape
            taken = rows[block.source_first : block.source_first + taps, start:stop].astype(np.float32, copy=False)
            made = resized[block.first : block.first + count, start:stop]
            if resized.dtype == np.uint8:
                cv2.convertScaleAbs(block.weights @ taken, made, beta=HALF_UP)
            else:
                np.matmul(block.weights, taken, out=made)
