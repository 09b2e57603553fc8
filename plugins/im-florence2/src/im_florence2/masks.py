"""Outlines as masks, computed where the outlines are: most things are small in a large image."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
Outlines: TypeAlias = Sequence[npt.NDArray[np.float32]]
"""Each (n, 2) x, y in pixels; it closes itself, and what it encloses twice is outside."""


def fill(mask: Mask, outlines: Outlines, top: int = 0, left: int = 0) -> None:
    """Set the pixels of a mask whose centre is inside one of several outlines.

    Args:
        mask: (height, width), changed.
        outlines: in pixels of the image.
        top: where in the image the mask begins.
        left: where in the image the mask begins.
    """
    for outline in outlines:
        rows, columns = _around(outline, top, left, *mask.shape)
        window = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        window |= _inside(outline.astype(np.float64), rows, columns)


def run_lengths(outlines: Outlines, height: int, width: int) -> list[int]:
    """Return the mask that `fill` makes of an image's pixels as COCO's run lengths.

    They go down one column after the other: of pixels outside and inside by turns, the first outside.

    Args:
        outlines: at least one, in pixels of the image.
        height: of the image.
        width: of the image.
    """
    rows, columns = _around(np.concatenate(outlines), 0, 0, height, width)
    mask = np.zeros((len(rows), len(columns)), np.bool_)
    fill(mask, outlines, rows.start, columns.start)
    apart = np.zeros(1 + len(columns) * (len(rows) + 1), np.bool_)  # between columns is a pixel outside
    apart[1:].reshape(len(columns), len(rows) + 1)[:, :-1] = mask.T
    column, row = divmod(np.flatnonzero(apart[1:] != apart[:-1]), len(rows) + 1)
    changes, times = np.unique((columns.start + column) * height + rows.start + row, return_counts=True)
    changes = changes[(times == 1) & (changes < height * width)]  # what ends at the bottom may go on at the next top
    lengths: list[int] = np.diff(changes, prepend=0, append=height * width).tolist()
    return lengths


def _around(outline: npt.NDArray[np.float32], top: int, left: int, height: int, width: int) -> tuple[range, range]:
    """Return the rows and columns of a mask that an outline can touch."""
    (x0, y0), (x1, y1) = (np.floor(outline.min(axis=0)) - 1).tolist(), (np.ceil(outline.max(axis=0)) + 1).tolist()
    return _clipped(y0, y1, top, top + height), _clipped(x0, x1, left, left + width)


def _clipped(start: float, stop: float, first: int, last: int) -> range:
    return range(int(min(max(start, first), last)), int(min(max(stop, first), last)))


def _inside(outline: npt.NDArray[np.float64], rows: range, columns: range) -> Mask:
    """Cross each row of pixel centres from the left: each edge on the way changes inside for outside."""
    crossed = np.zeros((len(rows), len(columns) + 1), np.bool_)
    for ends in zip(outline.tolist(), np.roll(outline, -1, axis=0).tolist(), strict=True):
        (x0, y0), (x1, y1) = sorted(ends, key=itemgetter(1))
        on_way = np.arange(max(int(np.ceil(y0 - 0.5)), rows.start), min(int(np.ceil(y1 - 0.5)), rows.stop))
        if len(on_way):
            places = np.ceil(x0 + (on_way + 0.5 - y0) * ((x1 - x0) / (y1 - y0)) - 0.5)
            places = np.clip(places, columns.start, columns.stop).astype(np.intp)
            crossed[on_way - rows.start, places - columns.start] ^= True
    inside: Mask = np.logical_xor.accumulate(crossed, axis=1)[:, :-1]
    return inside
