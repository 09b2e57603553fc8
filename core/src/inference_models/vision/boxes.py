"""Arithmetic on boxes. Boxes are rows of pixel coordinates; pixel 0 spans 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.tensors import is_tensor

__all__ = ["cxcywh_to_xyxy", "paired_iou", "pairwise_iou"]

Floats = npt.NDArray[np.floating[Any]]

_SMALLEST = np.nextafter(0.0, 1.0)  # instead of a union of nothing, with which the intersection is 0 too


def cxcywh_to_xyxy(boxes: Floats) -> Floats:
    """Turn (n, 4) rows of centre x, centre y, width, height into left, top, right, bottom, in a new array or tensor."""
    if is_tensor(boxes):
        from inference_models.vision.on_device import boxes as on_device

        return on_device.cxcywh_to_xyxy(boxes)  # type: ignore[no-any-return]
    half = boxes[:, 2:4] * boxes.dtype.type(0.5)
    corners = np.empty_like(boxes)  # laid out as `boxes` is: what lies in columns is done by the column
    with np.errstate(over="ignore"):  # infinite corners are dropped, or moved to the edge
        np.subtract(boxes[:, 0:2], half, out=corners[:, 0:2])
        np.add(boxes[:, 0:2], half, out=corners[:, 2:4])
    return corners


def pairwise_iou(first: Floats, second: Floats) -> npt.NDArray[np.float64]:
    """Return the intersection over union of every box of `first` (n, 4) with every box of `second` (m, 4): (n, m).

    Boxes are left, top, right, bottom. One whose right is not beyond its left, or bottom not below its top, has no
    area; the overlap of two without area is 0.
    """
    a, b = first.astype(np.float64, copy=False), second.astype(np.float64, copy=False)
    intersection = _overlap(a[:, 0], a[:, 2], b[:, 0], b[:, 2])
    intersection *= _overlap(a[:, 1], a[:, 3], b[:, 1], b[:, 3])
    union = _area(a)[:, None] + _area(b)[None, :] - intersection
    intersection /= np.maximum(union, _SMALLEST, out=union)
    return intersection


def paired_iou(
    boxes: npt.NDArray[np.float64], first: npt.NDArray[np.integer[Any]], second: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.float64]:
    """Return the intersection over union of `boxes[first]` with `boxes[second]`, place by place: (n,).

    The same values as those of `pairwise_iou`, to the last bit.
    """
    columns = boxes.T  # values are gathered much faster from columns that lie together
    one, other = columns.take(first, axis=1), columns.take(second, axis=1)
    sides = np.minimum(one[2:], other[2:])
    sides -= np.maximum(one[:2], other[:2])
    np.maximum(sides, 0, out=sides)
    intersection: npt.NDArray[np.float64] = sides[0] * sides[1]
    area = _area(boxes)
    union = area.take(first) + area.take(second)
    union -= intersection
    intersection /= np.maximum(union, _SMALLEST, out=union)
    return intersection


def _overlap(low_a: Floats, high_a: Floats, low_b: Floats, high_b: Floats) -> npt.NDArray[np.float64]:
    """Return how far every interval of a and every interval of b overlap, (n, m), at least 0."""
    length = np.minimum(high_a[:, None], high_b) - np.maximum(low_a[:, None], low_b)
    overlap: npt.NDArray[np.float64] = np.maximum(length, 0, out=length)
    return overlap


def _area(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    area: npt.NDArray[np.float64] = np.maximum(boxes[:, 2] - boxes[:, 0], 0)
    return area * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
