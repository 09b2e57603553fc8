"""Non-maximum suppression on a device.

Waiting for a device costs more than what it computes here, so boxes are compared all with all, in blocks that bound the
memory, and nothing is asked about single boxes.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["keep_boxes"]

Tensor = Any

_BLOCK = 2048  # as many boxes are compared with each other at once: 32 MiB in float64
_ROUNDS = 8  # before the host asks whether they were enough; chains of boxes that hang on each other are rarely longer


def keep_boxes(
    boxes: Tensor,
    scores: Tensor,
    class_ids: Tensor,
    *,
    iou_threshold: float,
    max_detections: int,
    class_agnostic: bool,
) -> Tensor:
    """Return what `vision.non_maximum_suppression` returns: which boxes to keep, best first.

    Overlaps are computed in float64 as on the host, so the same boxes are kept; in float32 on devices without float64.
    """
    torch = sys.modules["torch"]
    known = ~torch.isnan(scores)
    order = torch.where(known, scores, -torch.inf).sort(descending=True, stable=True).indices
    ranked = boxes[order].to(torch.float32 if boxes.device.type == "mps" else torch.float64)
    labels = None if class_agnostic else class_ids[order]
    known = known[order]
    ranks = torch.arange(len(order), device=boxes.device)
    kept = ranks[:0]
    for block in ranks.split(_BLOCK):
        open_ = known[block]
        for earlier in kept.split(_BLOCK) if len(kept) else ():
            open_ = open_ & ~_clashes(ranked, labels, earlier, block, iou_threshold).any(dim=0)
        among = _clashes(ranked, labels, block, block, iou_threshold).triu_(diagonal=1)
        kept = torch.cat([kept, block[_keep_greedily(among, open_)]])
        if len(kept) >= max_detections:
            break
    return order[kept[:max_detections]]


def _clashes(boxes: Tensor, labels: Tensor | None, first: Tensor, second: Tensor, iou_threshold: float) -> Tensor:
    """Return for every rank of `first` and of `second` whether the two boxes may not both be kept: (n, m) bool."""
    a, b = boxes[first], boxes[second]
    overlaps = _overlap(a[:, 0], a[:, 2], b[:, 0], b[:, 2])
    overlaps *= _overlap(a[:, 1], a[:, 3], b[:, 1], b[:, 3])
    union = (_area(a)[:, None] + _area(b)).sub_(overlaps)
    # Without area there is no overlap: NaN, which exceeds nothing.
    clashing = overlaps.div_(union) > iou_threshold
    return clashing if labels is None else clashing.logical_and_(labels[first][:, None] == labels[second])


def _overlap(low_a: Tensor, high_a: Tensor, low_b: Tensor, high_b: Tensor) -> Tensor:
    torch = sys.modules["torch"]
    return torch.minimum(high_a[:, None], high_b).sub_(torch.maximum(low_a[:, None], low_b)).clamp_(min=0)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]).clamp_(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp_(min=0)


def _keep_greedily(clashes: Tensor, open_: Tensor) -> Tensor:
    """Return which boxes a walk from the first to the last keeps, (n,) bool.

    Instead of walking: keep what no kept box drops, until nothing changes. A box is right as soon as all that could
    drop it are, so this ends, at the one answer that the walk gives.

    Args:
        clashes: (n, n) bool; [i, j], i < j, says that i would drop j.
        open_: (n,) bool, which boxes are left.
    """
    torch = sys.modules["torch"]
    after = open_
    while True:
        for _ in range(_ROUNDS):
            before, after = after, open_ & ~(clashes & after[:, None]).any(dim=0)
        if torch.equal(before, after):
            return after
