"""Masks at source size from prototypes and coefficients (YOLACT's way, that of the YOLO family).

The map of an instance is its coefficients times the prototypes; its mask is where that map, interpolated bilinearly
to the pixels of the source image, exceeds a threshold, inside its box. Nothing is computed outside the box.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.predictions import InstancesRLEMasks
from inference_models.predictions.coco_rle import compress_all
from inference_models.vision.geometry import PreProcessingMetadata
from inference_models.vision.mask_axes import map_axes
from inference_models.vision.mask_outlines import Outline, trace
from inference_models.vision.tensors import is_tensor

__all__ = ["LIMIT", "dense_masks", "mask_level", "rle_masks"]

Floats = npt.NDArray[np.floating[Any]]

LIMIT = 1e30  # beyond what a network says in earnest, and differences of two stay finite


def dense_masks(
    prototypes: Floats,
    coefficients: Floats,
    boxes: Floats,
    metadata: PreProcessingMetadata,
    *,
    smoothing: bool = True,
    threshold: float = 0.5,
) -> npt.NDArray[np.bool_]:
    """Return the masks of n instances at the size of the source image.

    Args:
        prototypes: (k, h, w) maps that cover the network's whole input. This and the following two are arrays, or
            they are tensors on one device.
        coefficients: (n, k).
        boxes: (n, 4) left, top, right, bottom in source pixels. A pixel whose centre lies outside its instance's box is
            not in the mask, nor is one that the network did not see (outside a static crop).
        metadata: how the image was brought to the network's input.
        smoothing: interpolate probabilities rather than the network's logits.
        threshold: the probability that a pixel must exceed. With logits 0.5 means above 0.

    Returns:
        (n, height, width) bool, a new array or tensor.
    """
    if is_tensor(prototypes):
        from inference_models.vision.on_device.masks import fill_masks

        return fill_masks(  # type: ignore[no-any-return]
            prototypes, coefficients, boxes, metadata, smoothing=smoothing, threshold=threshold
        )
    size = metadata.original_size
    masks = np.zeros((len(boxes), size.height, size.width), np.bool_)
    outlines = _outlines(prototypes, coefficients, boxes, metadata, smoothing=smoothing, threshold=threshold)
    for mask, outline in zip(masks, outlines, strict=True):
        if outline is not None:
            rows, columns = outline.rows, outline.columns
            outline.fill(mask[rows.start : rows.stop, columns.start : columns.stop])
    return masks


def rle_masks(
    prototypes: Floats,
    coefficients: Floats,
    boxes: Floats,
    metadata: PreProcessingMetadata,
    *,
    smoothing: bool = True,
    threshold: float = 0.5,
) -> InstancesRLEMasks:
    """Return the masks that `dense_masks` returns, as COCO's run-length encoding, without making them dense.

    The encoding is made on the host; of tensors, it fetches no more than it needs.

    Args:
        prototypes: as for `dense_masks`.
        coefficients: as for `dense_masks`.
        boxes: as for `dense_masks`.
        metadata: as for `dense_masks`.
        smoothing: as for `dense_masks`.
        threshold: as for `dense_masks`.
    """
    if is_tensor(prototypes):
        from inference_models.vision.on_device.masks import maps_on_host

        prototypes, coefficients, boxes = maps_on_host(prototypes, coefficients, boxes)
    size = metadata.original_size
    pixels = size.height * size.width
    runs = []
    for outline in _outlines(prototypes, coefficients, boxes, metadata, smoothing=smoothing, threshold=threshold):
        flips = np.zeros(0, np.intp) if outline is None else outline.flips(size.height)
        if len(flips) and flips[-1] == pixels:
            flips = flips[:-1]
        edges = np.concatenate([[0], flips, [pixels]])
        runs.append(edges[1:] - edges[:-1])
    return InstancesRLEMasks((size.height, size.width), compress_all(runs))


def mask_level(threshold: float, *, smoothing: bool) -> float:
    """Return what a pixel's value must exceed: the probability itself, or its logit where logits are interpolated."""
    return float(np.float32(threshold if smoothing else _logit(threshold)))


def _outlines(
    prototypes: Floats,
    coefficients: Floats,
    boxes: Floats,
    metadata: PreProcessingMetadata,
    *,
    smoothing: bool,
    threshold: float,
) -> Iterator[Outline | None]:
    """Yield each instance's outline; None where the box holds no pixel."""
    prototypes, coefficients = (array.astype(np.float32, copy=False) for array in (prototypes, coefficients))
    down, across = map_axes(metadata, *prototypes.shape[1:])
    lefts, rights = (edges.tolist() for edges in across.pixels(boxes[:, 0], boxes[:, 2]))
    tops, bottoms = (edges.tolist() for edges in down.pixels(boxes[:, 1], boxes[:, 3]))
    level = mask_level(threshold, smoothing=smoothing)
    for weights, left, top, right, bottom in zip(coefficients, lefts, tops, rights, bottoms, strict=True):
        if left >= right or top >= bottom:
            yield None
            continue
        rows, columns = down.window(top, bottom), across.window(left, right)
        values = _map_at(prototypes, weights, rows.cells, columns.cells)
        yield trace(_probabilities(values) if smoothing else values, rows, columns, level)


def _map_at(
    prototypes: Floats, weights: Floats, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Return the map of one instance at chosen rows and columns (ascending, with repetitions at the ends), finite."""
    top, left = int(rows[0]), int(columns[0])
    part = prototypes[:, top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    with np.errstate(over="ignore", invalid="ignore"):
        # Not a matrix product: its library would start threads for such a small one, which then disturb the network's.
        values: npt.NDArray[np.float32] = np.einsum("k,khw->hw", weights, part)
    np.fmax(values, -LIMIT, out=values)  # NaN too becomes the limit: it is outside the mask
    np.fmin(values, LIMIT, out=values)
    if values.shape == (len(rows), len(columns)):
        return values
    return values.take(rows - top, axis=0).take(columns - left, axis=1)


def _probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the logistic function of logits, which are overwritten."""
    logits *= np.float32(0.5)  # 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, which cannot overflow
    np.tanh(logits, out=logits)
    logits += np.float32(1)
    logits *= np.float32(0.5)
    return logits


def _logit(probability: float) -> float:
    """Return the inverse of the logistic function; beyond every value a map can have at 0 and 1."""
    if probability <= 0 or probability >= 1:
        return -2 * LIMIT if probability <= 0 else 2 * LIMIT
    return math.log(probability / (1 - probability))
