"""Maps with a value per pixel, brought to the size of the source image on a device."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from inference_models.vision.geometry import ImageDimensions, PreProcessingMetadata
from inference_models.vision.on_device.transfer import upload

__all__ = ["WeightTable", "interpolate", "map_to_source", "weight_table"]

Tensor = Any

WeightTable = npt.NDArray[np.int32]
"""(4, length): for each pixel of an axis the two cells beside its centre, and the bits of their float32 weights."""


def map_to_source(
    values: Tensor, metadata: PreProcessingMetadata, *, fill: float, interpolation: Literal["linear", "nearest"]
) -> Tensor:
    """Return what `vision.restore_map` returns, as a new tensor on the device of `values`."""
    torch = sys.modules["torch"]
    resize = {"linear": _resize_linear, "nearest": _resize_nearest}[interpolation]
    covered = _uncovered(resize(values, metadata.inference_size), metadata, fill)
    inside = resize(covered, metadata.size_after_pre_processing)
    size, crop = metadata.original_size, metadata.static_crop_offset
    if inside.shape[:2] == (size.height, size.width):
        is_view = inside.untyped_storage().data_ptr() == values.untyped_storage().data_ptr()
        return inside.clone() if is_view else inside
    restored = torch.full((size.height, size.width, *values.shape[2:]), fill, dtype=values.dtype, device=values.device)
    rows = slice(crop.offset_y, crop.offset_y + crop.crop_height)
    restored[rows, crop.offset_x : crop.offset_x + crop.crop_width] = inside
    return restored


def weight_table(low: npt.NDArray[Any], high: npt.NDArray[Any], share: npt.NDArray[Any]) -> WeightTable:
    """Return a table of the cells before and after each pixel; `share` is the weight of the cell after it."""
    table = np.empty((4, len(low)), np.int32)
    table[0], table[1] = low, high
    weights = table[2:].view(np.float32)
    weights[1] = share
    weights[0] = 1 - weights[1]
    table.setflags(write=False)  # callers share it
    return table


def interpolate(values: Tensor, rows: WeightTable, columns: WeightTable, axis: int) -> Tensor:
    """Return `values` interpolated bilinearly along two axes, in a new float32 tensor.

    Args:
        values: floating point, any number of axes.
        rows: the table of the first axis.
        columns: that of the second.
        axis: the first axis, counted from 0; the second follows it.
    """
    torch = sys.modules["torch"]
    table, height = upload(np.concatenate([rows, columns], axis=1), str(values.device)), rows.shape[1]
    places, weights = table[:2].long(), table[2:].view(torch.float32)
    behind = (1,) * (values.ndim - axis - 2)
    across = _weighted(values.float(), axis + 1, places[:, height:], weights[:, height:].reshape(2, -1, *behind))
    return _weighted(across, axis, places[:, :height], weights[:, :height].reshape(2, -1, 1, *behind))


def _weighted(values: Tensor, axis: int, places: Tensor, weights: Tensor) -> Tensor:
    # Not `lerp`: between two infinite values it finds none, where OpenCV finds the same.
    first = values.index_select(axis, places[0]).mul_(weights[0])
    return first.addcmul_(values.index_select(axis, places[1]), weights[1])


def _uncovered(values: Tensor, metadata: PreProcessingMetadata, fill: float) -> Tensor:
    """Return the part of the network's input that shows the resized image, with `fill` where it was cut off."""
    size = metadata.inference_size
    left, top, right, bottom = metadata.pad_left, metadata.pad_top, metadata.pad_right, metadata.pad_bottom
    seen = values[max(top, 0) : size.height - max(bottom, 0), max(left, 0) : size.width - max(right, 0)]
    if min(left, top, right, bottom) >= 0:
        return seen
    whole = values.new_full((metadata.resized.height, metadata.resized.width, *values.shape[2:]), fill)
    below, beside = max(-top, 0), max(-left, 0)
    whole[below : below + seen.shape[0], beside : beside + seen.shape[1]] = seen
    return whole


def _resize_linear(values: Tensor, size: ImageDimensions) -> Tensor:
    if values.shape[:2] == (size.height, size.width):
        return values
    if not values.is_floating_point():
        kind = str(values.dtype).removeprefix("torch.")
        raise ValueError(f'A map of {kind} has no values in between: restore it with interpolation="nearest".')
    height, width = values.shape[:2]
    tables = _linear_table(height, size.height), _linear_table(width, size.width)
    return interpolate(values, *tables, axis=0).to(values.dtype)


def _resize_nearest(values: Tensor, size: ImageDimensions) -> Tensor:
    height, width = values.shape[:2]
    if (height, width) == (size.height, size.width):
        return values
    places = np.concatenate([_nearest_places(height, size.height), _nearest_places(width, size.width)])
    rows, columns = upload(places, str(values.device)).split([size.height, size.width])
    return values[rows[:, None], columns]


@lru_cache(maxsize=256)
def _linear_table(length: int, resized: int) -> WeightTable:
    places = ((np.arange(resized) + 0.5) * (length / resized) - 0.5).astype(np.float32)
    low = np.floor(places)
    return weight_table(np.clip(low, 0, length - 1), np.clip(low + 1, 0, length - 1), places - low)


def _nearest_places(length: int, resized: int) -> npt.NDArray[np.int64]:
    return ((np.arange(resized) + 0.5) * (length / resized)).astype(np.int64)
