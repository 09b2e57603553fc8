"""Where a mask begins and ends in each column of pixels, found from a coarse map without looking at each pixel.

A mask is where a map, interpolated bilinearly to source pixels, exceeds a threshold. Going down one column, the
interpolated map is a straight line between two cells' centres, so between them the mask begins or ends once at most,
at a row that one division gives. A map of 20 x 20 cells tells all about 500 x 500 pixels this way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.vision.mask_axes import Window

__all__ = ["Outline", "trace"]

Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Unsigned = npt.NDArray[np.unsignedinteger[Any]]
Floats = npt.NDArray[np.floating[Any]]


_AT_ONCE = 2**18  # pixels that are filled at once: what stays in the processor's cache


@frozen
class Outline:
    """A mask inside its window of h x w source pixels, with k knots down.

    Before the first knot and after the last there is one more at which everything is outside: so every column of the
    mask begins and ends in some stretch between knots, if only in one without pixels.

    Attributes:
        rows: the window down.
        columns: the window across.
        starts: (k + 2,) first row of each stretch between knots, and the row after the last.
        inside: (w, k + 2) whether the column is inside the mask at the knot.
        turn_columns: (t,) the columns in which the mask begins or ends, counted from the first, ascending.
        turn_knots: (t,) the knots above these places, ascending within a column.
        turn_rows: (t,) the first row of the new state, from the stretch's first row to the one after its last.
    """

    rows: Window
    columns: Window
    starts: Indices
    inside: Bools
    turn_columns: Indices
    turn_knots: Indices
    turn_rows: Indices

    def flips(self, height: int) -> Indices:
        """Return where the state changes when an image of `height` rows is read column by column, ascending.

        The state before the first pixel is outside. No position is given twice; one may lie after the last pixel.
        """
        bases = np.arange(self.columns.start, self.columns.stop) * height
        return _drop_pairs(bases[self.turn_columns] + self.turn_rows)

    def fill(self, window: Bools) -> None:
        """Write the mask into its (h, w) window."""
        sizes = self.starts[1:] - self.starts[:-1]
        lows, lengths = self._stretches(sizes)
        stretches = np.repeat(np.arange(len(sizes)), sizes)
        numbers = (np.arange(self.rows.start, self.rows.stop) - self.starts.take(stretches)).astype(lows.dtype)[:, None]
        step = max(_AT_ONCE // window.shape[1], 1)
        for begin in range(0, len(window), step):
            part = slice(begin, begin + step)
            behind = numbers[part] - lows.take(stretches[part], axis=0)
            # One comparison for two: unsigned, what lies before `low` wraps round to beyond any length.
            np.less(behind, lengths.take(stretches[part], axis=0), out=window[part])

    def _stretches(self, sizes: Indices) -> tuple[Unsigned, Unsigned]:
        """Return, (k + 1, w) each, after how many rows of each stretch the mask begins, and how many it lasts."""
        dtype = np.min_scalar_type(2 * int(sizes.max()))  # leaves room for the wrapping
        # Row by row in memory, unlike `inside`: whole rows are copied later on.
        lengths = self.inside[:, :-1].T.astype(dtype, order="C")
        places = self.turn_knots * lengths.shape[1] + self.turn_columns
        ends = lengths.take(places) != 0  # begun at the knot above, the mask ends here
        lengths *= sizes.astype(dtype)[:, None]
        lows = np.zeros(lengths.shape, dtype)
        turned = self.turn_rows - self.starts.take(self.turn_knots)
        lows.put(places, np.where(ends, 0, turned))
        lengths.put(places, np.where(ends, turned, sizes.take(self.turn_knots) - turned))
        return lows, lengths


def trace(values: Floats, rows: Window, columns: Window, threshold: float) -> Outline:
    """Return the outline of where a map exceeds a threshold.

    Args:
        values: (k, m) the map at the knots of `rows` and `columns`, finite.
        rows: the window down.
        columns: the window across.
        threshold: finite; a pixel whose value at its centre is strictly above belongs to the mask.
    """
    before, rests = columns.positions()
    knots = len(rows.cells) + 2
    upright = np.full((values.shape[1], knots), threshold, np.float32)
    upright[:, 1:-1] = values.T
    lines = (upright[1:] - upright[:-1]).take(before, axis=0)
    lines *= rests[:, None]
    lines += upright.take(before, axis=0)
    inside = lines > threshold
    states = inside.reshape(-1)  # outside at both ends of a column, so nothing changes from one to the next
    places = np.flatnonzero(states[1:] != states[:-1])
    turn_columns = places // knots
    turn_knots = places - turn_columns * knots
    flat = lines.reshape(-1)
    above, below = flat.take(places).astype(np.float64), flat.take(places + 1).astype(np.float64)
    crossed = (rows.first - 1 + turn_knots + (threshold - above) / (below - above) - rows.axis.shift) / rows.axis.scale
    # A pixel exactly at the threshold is outside.
    first = np.where(above > threshold, np.ceil(crossed), np.floor(crossed) + 1)
    starts = np.concatenate([[rows.start], rows.starts(), [rows.stop]])
    turn_rows = np.minimum(np.maximum(first, starts.take(turn_knots)), starts.take(turn_knots + 1)).astype(np.intp)
    return Outline(rows, columns, starts, inside, turn_columns, turn_knots, turn_rows)


def _drop_pairs(flips: Indices) -> Indices:
    """Drop positions that come twice from an ascending list: changing state twice is no change."""
    is_new = flips[1:] != flips[:-1]
    if is_new.all():
        return flips
    firsts = np.flatnonzero(np.concatenate([[True], is_new]))
    ends = np.concatenate([firsts[1:], [len(flips)]])
    left: Indices = flips[firsts[(ends - firsts) & 1 == 1]]
    return left
