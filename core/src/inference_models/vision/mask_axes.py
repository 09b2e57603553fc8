"""Where the pixels of a source image lie among the cells of a coarse map that a network made of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.vision.geometry import PreProcessingMetadata

__all__ = ["MapAxis", "Window", "map_axes"]

Indices = npt.NDArray[np.intp]


@frozen(eq=False)
class MapAxis:
    """One axis of a map. The centre of source pixel p lies at `p * scale + shift`, the centre of cell i at i.

    Attributes:
        scale: cells per source pixel.
        shift: where the centre of source pixel 0 lies.
        start: the first source pixel that the network saw.
        stop: the source pixel after the last that it saw.
        first_knot: a knot is a whole place between which values are interpolated; this is the first that is needed.
        cells: the cell whose value each knot has, from the first on: the one there; beyond those that see the image,
            the outermost.
        firsts: for each knot the first source pixel at or after it.
        knots: for each source pixel from `start` on the knot at or before it.
        rests: for each source pixel from `start` on how far behind that knot it lies.
    """

    scale: float
    shift: float
    start: int
    stop: int
    first_knot: int
    cells: Indices
    firsts: Indices
    knots: Indices
    rests: npt.NDArray[np.float32]

    def pixels(
        self, low: npt.NDArray[np.floating[Any]], high: npt.NDArray[np.floating[Any]]
    ) -> tuple[Indices, Indices]:
        """Return first pixel and pixel after the last of each interval from `low` to `high`, in source pixels.

        A pixel belongs to an interval that holds its centre; what the network did not see is left out.
        """
        bounds = np.ceil(np.stack([low, high]).astype(np.float64) - 0.5)
        starts, stops = np.clip(np.nan_to_num(bounds), self.start, self.stop).astype(np.intp)
        return starts, np.maximum(starts, stops)

    def window(self, start: int, stop: int) -> Window:
        """Return the window of the pixels from `start` to before `stop`, at least one."""
        first = int(self.knots[start - self.start])
        last = int(self.knots[stop - 1 - self.start]) + 1
        return Window(self, start, stop, first, self.cells[first - self.first_knot : last + 1 - self.first_knot])


@frozen(eq=False)
class Window:
    """A row of source pixels, at least one, and the knots between which their values are interpolated.

    Attributes:
        axis: the axis that the pixels lie on.
        start: the first pixel.
        stop: the pixel after the last.
        first: the first knot, the last whole place at or before the centre of pixel `start`.
        cells: the cell whose value each knot has.
    """

    axis: MapAxis
    start: int
    stop: int
    first: int
    cells: Indices

    def positions(self) -> tuple[Indices, npt.NDArray[np.float32]]:
        """Return for each pixel the knot before it, counted from the first, and how far behind it lies."""
        pixels = slice(self.start - self.axis.start, self.stop - self.axis.start)
        return self.axis.knots[pixels] - self.first, self.axis.rests[pixels]

    def starts(self) -> Indices:
        """Return for each knot the first pixel at or after it; for the outer knots the window's ends."""
        first = self.first - self.axis.first_knot
        starts = np.minimum(np.maximum(self.axis.firsts[first : first + len(self.cells)], self.start), self.stop)
        starts[0], starts[-1] = self.start, self.stop
        return starts


def map_axes(metadata: PreProcessingMetadata, height: int, width: int) -> tuple[MapAxis, MapAxis]:
    """Return the axes down and across of a map of height x width cells that covers the whole input of the network."""
    crop, size = metadata.static_crop_offset, metadata.inference_size
    down = _axis(
        cells=height,
        scale=metadata.scale_height,
        padding=(metadata.pad_top, metadata.pad_bottom),
        length=size.height,
        used=(crop.offset_y, crop.offset_y + crop.crop_height),
    )
    across = _axis(
        cells=width,
        scale=metadata.scale_width,
        padding=(metadata.pad_left, metadata.pad_right),
        length=size.width,
        used=(crop.offset_x, crop.offset_x + crop.crop_width),
    )
    return down, across


def _axis(*, cells: int, scale: float, padding: tuple[int, int], length: int, used: tuple[int, int]) -> MapAxis:
    """Return an axis.

    Args:
        cells: how many lie along the input.
        scale: input pixels per source pixel.
        padding: input pixels before and after the image. Negative is what a centre crop cut off: the network did not
            see it.
        length: input pixels.
        used: first source pixel that was used, and the one after the last.
    """
    before, after = padding
    low, high = max(before, 0), length - max(after, 0)
    ratio = cells / length
    start, stop = (used[0] + math.ceil((edge - before) / scale - 0.5) for edge in (low, high))
    start, stop = max(start, used[0]), min(stop, used[1])
    shift = ((0.5 - used[0]) * scale + before) * ratio - 0.5
    places = np.arange(start, stop) * (scale * ratio) + shift
    knots = np.floor(places).astype(np.intp)
    first_knot, last_knot = (int(knots[0]), int(knots[-1]) + 1) if len(knots) else (0, 0)
    line = np.arange(first_knot, last_knot + 1)
    # The cells that see the image rather than padding. In whole numbers: 87 * (11 / 87) is more than 11.
    first_cell = low * cells // length
    last_cell = max(-(-high * cells // length) - 1, first_cell)
    return MapAxis(
        scale=scale * ratio,
        shift=shift,
        start=start,
        stop=stop,
        first_knot=first_knot,
        cells=np.minimum(np.maximum(line, first_cell), last_cell),
        firsts=np.ceil((line - shift) / (scale * ratio)).astype(np.intp),
        knots=knots,
        rests=(places - knots).astype(np.float32),
    )
