"""Weights of a triangle filter as wide as the reduction, and in which order rows are summed with them."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

__all__ = ["Block", "Plan", "Run", "plan_rows", "triangle_taps"]

_EQUAL = 1e-9  # weights that differ by less are the same number, computed at two places
_ROWS_PER_RUN = 3  # fewer of the same weights are faster as products of matrices
_ROWS_PER_BLOCK = 4  # more have more zeros among their weights
_LONGEST_REMEMBERED = 20_000  # weights take some 24 bytes per pixel of the source


@frozen(eq=False)
class Taps:
    """What each pixel of a resized axis is made of.

    Attributes:
        low: (n,) the first source pixel.
        weights: (n, k) of this and the next; they sum to 1, and some at either end may be 0.
    """

    low: npt.NDArray[np.intp]
    weights: npt.NDArray[np.float64]


@frozen
class Run:
    """Rows of the result that have the same weights, equally far apart, and so are the rows they are made of."""

    first: int
    step: int
    count: int
    source_first: int
    source_step: int
    shares: tuple[float, ...]
    """The share of each tap in the mean of those up to it: one running mean after the other gives the weighted sum."""


@frozen(eq=False)
class Block:
    """Neighbouring rows of the result, as a product: `weights` (rows, taps) times `taps` source rows."""

    first: int
    source_first: int
    weights: npt.NDArray[np.float32]


Plan: TypeAlias = tuple[Run, ...] | tuple[Block, ...]


@lru_cache(maxsize=16)
def triangle_taps(length: int, resized: int) -> Taps:
    """Return what each pixel of a resized axis is made of, as Pillow's BILINEAR has it.

    Args:
        length: pixels of the source.
        resized: pixels that become of them.
    """
    scale = length / resized
    reach = max(scale, 1.0)
    centres = (np.arange(resized) + 0.5) * scale
    count = min(int(2 * reach) + 2, length)
    low = np.clip((centres - reach + 0.5).astype(np.intp), 0, length - count)
    weights = 1 - np.abs(low[:, None] + (np.arange(count) + 0.5) - centres[:, None]) / reach
    weights[weights < _EQUAL] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    weights.setflags(write=False)  # callers share it
    return Taps(low, weights)


def plan_rows(length: int, resized: int, start: int, stop: int) -> Plan:
    """Return how rows `start` to `stop` of the result are made, numbered from `start`.

    A reduction by p / q has q sets of weights only. Where each comes up often, rows are made in runs of the same
    weights, else in blocks.

    Args:
        length: rows of the source.
        resized: rows of the whole result.
        start: the first that is made.
        stop: behind the last.
    """
    return (_remembered if length <= _LONGEST_REMEMBERED else _plan_rows)(length, resized, start, stop)


def _plan_rows(length: int, resized: int, start: int, stop: int) -> Plan:
    taps, repeats = triangle_taps(length, resized), gcd(length, resized)
    if repeats * (stop - start) < _ROWS_PER_RUN * resized:
        return _blocks(Taps(taps.low[start:stop], taps.weights[start:stop]))
    return _runs(taps, start, stop, resized // repeats, length // repeats)


_remembered = lru_cache(maxsize=256)(_plan_rows)


def _blocks(taps: Taps) -> tuple[Block, ...]:
    count = taps.weights.shape[1]
    blocks = []
    for first in range(0, len(taps.low), _ROWS_PER_BLOCK):
        low = taps.low[first : first + _ROWS_PER_BLOCK]
        offsets = low - low[0]
        weights = np.zeros((len(low), int(offsets[-1]) + count), np.float32)
        for row, offset, some in zip(weights, offsets.tolist(), taps.weights[first:], strict=False):
            row[offset : offset + count] = some
        blocks.append(Block(first, int(low[0]), weights))
    return tuple(blocks)


def _runs(taps: Taps, start: int, stop: int, step: int, source_step: int) -> tuple[Run, ...]:
    low, counts, weights = _trimmed(taps)
    alike = (low[step:] - low[:-step] == source_step) & (counts[step:] == counts[:-step])  # at the edges some are cut
    alike &= np.abs(weights[step:] - weights[:-step]).max(axis=1, initial=0) < _EQUAL
    continues = alike.tolist()
    runs = []
    for phase in range(start, min(start + step, stop)):
        first = phase
        while first < stop:
            last = first
            while last + step < stop and continues[last]:
                last += step
            taken = weights[first, : counts[first]]
            shares = tuple((taken / np.cumsum(taken)).tolist())
            runs.append(Run(first - start, step, (last - first) // step + 1, int(low[first]), source_step, shares))
            first = last + step
    return tuple(runs)


def _trimmed(taps: Taps) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the taps without zeros at either end: their first pixels, how many count, and weights, zeros behind."""
    counting = taps.weights > 0
    before, count = counting.argmax(axis=1), counting.sum(axis=1)
    places = before[:, None] + np.arange(taps.weights.shape[1])
    padded = np.pad(taps.weights, ((0, 0), (0, 1)))
    return taps.low + before, count, np.take_along_axis(padded, np.minimum(places, padded.shape[1] - 1), axis=1)
