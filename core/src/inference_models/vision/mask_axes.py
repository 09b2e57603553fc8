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


@frozen
class MapAxis:
    """One axis of a map. The centre of source pixel p lies at `p * scale + shift`, the centre of cell i at i.

    Attributes:
        scale: cells per source pixel.
        shift: where the centre of source pixel 0 lies.
        first_cell: the first cell that sees the image rather than padding.
        last_cell: the last such cell.
        start: the first source pixel that the network saw.
        stop: the source pixel after the last that it saw.
    """

    scale: float
    shift: float
    first_cell: int
    last_cell: int
    start: int
    stop: int

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
        first = math.floor(start * self.scale + self.shift)
        last = math.floor((stop - 1) * self.scale + self.shift) + 1
        cells = np.minimum(np.maximum(np.arange(first, last + 1), self.first_cell), self.last_cell)
        return Window(self, start, stop, first, cells)


@frozen
class Window:
    """A row of source pixels, at least one, and the knots between which their values are interpolated.

    Attributes:
        axis: the axis that the pixels lie on.
        start: the first pixel.
        stop: the pixel after the last.
        first: place of the first knot on the axis, the last whole place at or before the centre of pixel `start`.
        cells: the cell whose value each knot has: the one there; beyond those that see the image, the outermost.
    """

    axis: MapAxis
    start: int
    stop: int
    first: int
    cells: Indices

    def positions(self) -> tuple[Indices, npt.NDArray[np.float32]]:
        """Return for each pixel the knot before it, counted from the first, and how far behind it lies."""
        places = np.arange(self.start, self.stop) * self.axis.scale + self.axis.shift
        knots = np.floor(places)
        return (knots - self.first).astype(np.intp), (places - knots).astype(np.float32)

    def starts(self) -> Indices:
        """Return for each knot the first pixel at or after it; for the outer knots the window's ends."""
        knots = np.arange(self.first, self.first + len(self.cells))
        places = np.ceil((knots - self.axis.shift) / self.axis.scale)
        starts: Indices = np.minimum(np.maximum(places, self.start), self.stop).astype(np.intp)
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
    # In whole numbers: 87 * (11 / 87) is more than 11.
    first, last = low * cells // length, -(-high * cells // length) - 1
    start, stop = (used[0] + math.ceil((edge - before) / scale - 0.5) for edge in (low, high))
    return MapAxis(
        scale=scale * ratio,
        shift=((0.5 - used[0]) * scale + before) * ratio - 0.5,
        first_cell=first,
        last_cell=max(last, first),
        start=max(start, used[0]),
        stop=min(stop, used[1]),
    )
