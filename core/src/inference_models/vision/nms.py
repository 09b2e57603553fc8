"""Non-maximum suppression: of boxes that overlap, keep the one with the highest score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.vision.boxes import paired_iou, pairwise_iou

__all__ = ["non_maximum_suppression"]

# Boxes are taken by the block, best first: one comparison of a block with itself and with what was kept so far costs
# less than one per box, and far less than comparing all with all.
_BLOCK = 64
# With more pairs of one class than this per box, or than this in all, comparing blocks is faster than comparing pairs.
_PAIRS_PER_BOX = 16
_MOST_PAIRS = 12_000


def non_maximum_suppression(
    boxes: npt.NDArray[np.floating[Any]],
    scores: npt.NDArray[np.floating[Any]],
    class_ids: npt.NDArray[np.integer[Any]],
    *,
    iou_threshold: float,
    max_detections: int,
    class_agnostic: bool = False,
) -> npt.NDArray[np.intp]:
    """Return which boxes to keep, best first.

    Going from the highest score to the lowest, a box is dropped when its intersection over union with a kept box of
    the same class exceeds `iou_threshold`. Of equal scores the lower index goes first, so the result depends on the
    input only. Overlaps are computed in float64.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        scores: (n,). A box whose score is NaN is dropped.
        class_ids: (n,).
        iou_threshold: in [0, 1].
        max_detections: at most this many are kept.
        class_agnostic: let boxes of different classes suppress each other too.

    Returns:
        Indices into `boxes`, in descending order of score.
    """
    order: npt.NDArray[np.intp] = np.argsort(-scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    ranked = boxes[order].astype(np.float64)
    labels = np.zeros(len(order), np.intp) if class_agnostic else class_ids[order]
    keep = _keep_by_pairs(ranked, labels, iou_threshold)
    if keep is None:
        keep = _keep_by_blocks(ranked, labels, iou_threshold, max_detections)
    return order[keep[:max_detections]]


def _keep_by_pairs(
    ranked: npt.NDArray[np.float64], labels: npt.NDArray[np.integer[Any]], iou_threshold: float
) -> npt.NDArray[np.intp] | None:
    """Return the ranks to keep by comparing all boxes of one class with each other, pair by pair.

    Much the fastest where boxes spread over many classes. None when there are too many pairs.
    """
    by_class = np.argsort(labels, kind="stable")
    grouped = labels[by_class]
    places = np.arange(len(grouped))
    rivals = np.searchsorted(grouped, grouped, side="right") - places - 1  # of its class and behind it, for each place
    total = int(rivals.sum())
    if total > min(_PAIRS_PER_BOX * len(places), _MOST_PAIRS):
        return None
    first = np.repeat(places, rivals)
    second = np.arange(total) - np.repeat(np.cumsum(rivals) - rivals, rivals) + first + 1
    better, worse = by_class[first], by_class[second]
    clashing = paired_iou(ranked[better], ranked[worse]) > iou_threshold
    kept = np.ones(len(grouped), np.bool_)
    # In each class from the best box on, so whether `one` is kept is settled when its turn comes.
    for one, other in zip(better[clashing].tolist(), worse[clashing].tolist(), strict=True):
        if kept[one]:
            kept[other] = False
    return np.flatnonzero(kept)


def _keep_by_blocks(
    ranked: npt.NDArray[np.float64], labels: npt.NDArray[np.integer[Any]], iou_threshold: float, max_detections: int
) -> npt.NDArray[np.intp]:
    """Return the first `max_detections` ranks to keep by comparing blocks of boxes with those kept so far."""

    def clashes(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Return for every rank of `first` and of `second` whether the two boxes may not both be kept."""
        found: npt.NDArray[np.bool_] = pairwise_iou(ranked[first], ranked[second]) > iou_threshold
        found &= labels[first][:, None] == labels[second]
        return found

    ranks = np.arange(len(ranked))
    kept = ranks[:0]
    for start in range(0, len(ranked), _BLOCK):
        block = ranks[start : start + _BLOCK]
        if len(kept):
            block = block[~clashes(kept, block).any(axis=0)]
        kept = np.concatenate([kept, block[_keep_greedily(np.triu(clashes(block, block), k=1))]])
        if len(kept) >= max_detections:
            break
    return kept


def _keep_greedily(clashes: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which rows a walk from the first to the last keeps; `clashes[i, j]`, i < j, says that i would drop j.

    Instead of walking: keep what no kept row drops, until nothing changes. A row is right as soon as all that could
    drop it are, so this ends, at the one answer that the walk gives.
    """
    kept: npt.NDArray[np.bool_] = np.ones(len(clashes), np.bool_)
    while True:
        after: npt.NDArray[np.bool_] = np.logical_not(clashes[kept].any(axis=0))
        if np.array_equal(after, kept):
            return kept
        kept = after
