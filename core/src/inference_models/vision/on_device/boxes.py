"""Scores, boxes and points as tensors on a device."""

from __future__ import annotations

import sys
from typing import Any

from inference_models.vision.geometry import PreProcessingMetadata

__all__ = ["best_classes", "cxcywh_to_xyxy", "to_source"]

Tensor = Any


def best_classes(scores: Tensor, threshold: float | Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `vision.select_candidates` returns: anchors, their best classes and the scores of these.

    Args:
        scores: (classes, anchors).
        threshold: one for all classes, or (classes,) with one for each.
    """
    best, class_ids = scores.max(dim=0)  # of equal scores the lower id, and NaN where there is one
    passing = best > (threshold if isinstance(threshold, float) else threshold[class_ids])
    anchors = passing.nonzero()[:, 0]
    return anchors, class_ids[anchors], best[anchors]


def cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """Return what `vision.cxcywh_to_xyxy` returns."""
    half = boxes[:, 2:4] * 0.5
    return sys.modules["torch"].cat([boxes[:, 0:2] - half, boxes[:, 0:2] + half], dim=1)


def to_source(coordinates: Tensor, metadata: PreProcessingMetadata, *, clamp: bool) -> Tensor:
    """Return (..., 2 * pairs) x, y, x, y, ... in source pixels, float32, a new tensor."""
    crop, size = metadata.static_crop_offset, metadata.original_size
    rescaled = coordinates.to(sys.modules["torch"].float32, copy=True)
    across = (metadata.pad_left, metadata.scale_width, crop.offset_x, size.width)
    down = (metadata.pad_top, metadata.scale_height, crop.offset_y, size.height)
    for start, (padding, scale, offset, length) in enumerate((across, down)):
        # Numbers go to a device with the kernel that uses them; an array of them would be a transfer.
        axis = rescaled[..., start::2]
        axis.sub_(padding).div_(scale)
        if offset:
            axis.add_(offset)
        if clamp:
            axis.clamp_(0, length)
    return rescaled
