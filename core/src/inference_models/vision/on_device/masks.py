"""Masks at source size from prototypes and coefficients, on a device.

The host follows the outline of each mask to look at few pixels. A device looks at all pixels of all masks at once
instead, which costs it less than being asked about each.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from inference_models.predictions.download import download
from inference_models.vision.geometry import PreProcessingMetadata
from inference_models.vision.mask_axes import MapAxis, map_axes
from inference_models.vision.masks import LIMIT, mask_level
from inference_models.vision.on_device.maps import WeightTable, interpolate, weight_table

__all__ = ["fill_masks", "maps_on_host"]

Tensor = Any

_PIXELS_AT_ONCE = 2**24  # of all masks together: 64 MiB of float32, a few times


def fill_masks(
    prototypes: Tensor,
    coefficients: Tensor,
    boxes: Tensor,
    metadata: PreProcessingMetadata,
    *,
    smoothing: bool,
    threshold: float,
) -> Tensor:
    """Return what `vision.dense_masks` returns: (n, height, width) bool."""
    torch = sys.modules["torch"]
    size = metadata.original_size
    maps = _maps(prototypes, coefficients)
    if smoothing:
        maps.sigmoid_()
    level = mask_level(threshold, smoothing=smoothing)
    down, across = map_axes(metadata, *prototypes.shape[1:])
    tables = _axis_table(down, size.height), _axis_table(across, size.width)
    rows = _covered(down, size.height, boxes[:, 1], boxes[:, 3])[:, :, None]
    columns = _covered(across, size.width, boxes[:, 0], boxes[:, 2])[:, None, :]
    masks = torch.empty((len(boxes), size.height, size.width), dtype=torch.bool, device=boxes.device)
    step = max(_PIXELS_AT_ONCE // (size.height * size.width), 1)
    for start in range(0, len(boxes), step):
        part = slice(start, start + step)
        torch.gt(interpolate(maps[part], *tables, axis=1), level, out=masks[part])
        masks[part].logical_and_(rows[part]).logical_and_(columns[part])
    return masks


def maps_on_host(prototypes: Tensor, coefficients: Tensor, boxes: Tensor) -> list[Any]:
    """Return prototypes, coefficients and boxes as arrays, from which the host makes the same masks.

    The maps of n instances are n prototypes too, of which each instance has one: whichever are fewer are fetched.
    """
    torch = sys.modules["torch"]
    if len(coefficients) < len(prototypes):
        prototypes = _maps(prototypes, coefficients)
        coefficients = torch.eye(len(coefficients), device=coefficients.device)
    return download([prototypes, coefficients, boxes])


def _maps(prototypes: Tensor, coefficients: Tensor) -> Tensor:
    """Return the map of each instance, (n, h, w) float32 and finite, in a new tensor."""
    flat = prototypes.float().flatten(1)
    maps = (coefficients.float() @ flat).unflatten(1, prototypes.shape[1:])
    # NaN is outside the mask.
    return maps.nan_to_num_(nan=-LIMIT, posinf=LIMIT, neginf=-LIMIT).clamp_(-LIMIT, LIMIT)


def _covered(axis: MapAxis, length: int, low: Tensor, high: Tensor) -> Tensor:
    """Return which pixels have their centre in each interval and were seen by the network: (n, length) bool."""
    torch = sys.modules["torch"]
    pixels = torch.arange(length, device=low.device)
    starts, stops = (
        (edge - 0.5).ceil_().nan_to_num_(nan=0.0).clamp_(axis.start, axis.stop)[:, None] for edge in (low, high)
    )
    return (pixels >= starts) & (pixels < stops)


def _axis_table(axis: MapAxis, length: int) -> WeightTable:
    """Return the cells beside the centre of each source pixel; for those that the network did not see, any."""
    before, after, share = np.zeros((3, length), np.float32)
    seen = slice(axis.start, axis.start + len(axis.knots))
    places = axis.knots - axis.first_knot
    before[seen], after[seen], share[seen] = axis.cells[places], axis.cells[places + 1], axis.rests
    return weight_table(before, after, share)
