"""The training loss: class scores, box overlap and side distributions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from shapes_training.assignment import assign
from shapes_training.decoding import decode_corners
from shapes_training.geometry import complete_iou
from shapes_training.network import REG_MAX

BOX_WEIGHT, CLASS_WEIGHT, SIDE_WEIGHT = 7.5, 0.5, 1.5
"""The weights that YOLOv8's documentation gives for its losses."""


def _side_loss(side_logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the distribution focal loss (k,) (Li et al. 2020, arXiv:2006.04388, eq. 6).

    Args:
        side_logits: (k, 4, REG_MAX).
        wanted: (k, 4) distances to the sides, in strides.
    """
    # Just below the last bin, so that the bin above always exists.
    wanted = wanted.clamp(0.0, REG_MAX - 1.01)
    below = wanted.floor().long()
    share_above = wanted - below
    logs = side_logits.log_softmax(dim=-1)
    at_below = logs.gather(-1, below.unsqueeze(-1)).squeeze(-1)
    at_above = logs.gather(-1, (below + 1).unsqueeze(-1)).squeeze(-1)
    return -(at_below * (1.0 - share_above) + at_above * share_above).mean(dim=-1)


def detection_loss(
    logits: tuple[Tensor, Tensor],
    anchors: tuple[Tensor, Tensor],
    true_boxes: Tensor,
    true_classes: Tensor,
) -> Tensor:
    """Return the scalar loss.

    Args:
        logits: box and class logits as `ShapeDetector` returns them.
        anchors: anchor points (n, 2) and strides (n,).
        true_boxes: (b, m, 4) x1 y1 x2 y2 in input pixels, padded with zeros.
        true_classes: (b, m) int64.
    """
    box_logits, class_logits = logits[0].float(), logits[1].float().transpose(1, 2)
    points, strides = anchors
    boxes = decode_corners(box_logits, points, strides)
    targets = assign(class_logits.sigmoid(), boxes, points, true_boxes, true_classes)
    total = targets.scores.sum().clamp(min=1.0)
    loss = CLASS_WEIGHT * F.binary_cross_entropy_with_logits(class_logits, targets.scores, reduction="sum")
    picked = targets.foreground
    if picked.any():
        weight = targets.scores.sum(dim=-1)[picked]
        wanted = targets.boxes[picked]
        batch_index, point_index = picked.nonzero(as_tuple=True)
        sides = torch.unflatten(box_logits, 1, (4, REG_MAX))[batch_index, :, :, point_index]
        centres, stride = points[point_index], strides[point_index].unsqueeze(-1)
        distances = torch.cat([centres - wanted[:, :2], wanted[:, 2:] - centres], dim=-1) / stride
        loss = loss + BOX_WEIGHT * ((1.0 - complete_iou(boxes[picked], wanted)) * weight).sum()
        loss = loss + SIDE_WEIGHT * (_side_loss(sides, distances) * weight).sum()
    return loss / total
