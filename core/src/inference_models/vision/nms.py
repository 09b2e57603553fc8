"""Non-maximum suppression: of boxes that overlap, keep the one with the highest score."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from inference_models.vision.boxes import paired_iou, pairwise_iou
from inference_models.vision.tensors import is_tensor

__all__ = ["non_maximum_suppression"]

_Boxes: TypeAlias = npt.NDArray[np.float64]
_Indices: TypeAlias = npt.NDArray[np.integer[Any]]

# Where few pairs of boxes can clash, they are found first and compared all at once: all pairs of one class when those
# are few, else those that lie close together.
_PAIRS_PER_BOX = 8
_MOST_PAIRS = 100_000
_MOST_BOXES = 2000  # beyond, taking them by the block until there are enough is as fast
_BANDS = 64
_MARGIN = 1 + 1e-9
_ROUNDS = 32

# Boxes are taken by the block, best first: one comparison of a block with itself and with what was kept so far costs
# less than one per box, and far less than comparing all with all.
_BLOCK = 64


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
    input only. Overlaps are computed in float64 (for tensors on a device that has none, in float32).

    Args:
        boxes: (n, 4) left, top, right, bottom. All three are arrays, or all are tensors on one device.
        scores: (n,). A box whose score is NaN is dropped.
        class_ids: (n,).
        iou_threshold: in [0, 1].
        max_detections: at most this many are kept.
        class_agnostic: let boxes of different classes suppress each other too.

    Returns:
        Indices into `boxes`, in descending order of score; an array or a tensor, as these are.
    """
    if is_tensor(boxes):
        from inference_models.vision.on_device.nms import keep_boxes

        return keep_boxes(  # type: ignore[no-any-return]
            boxes,
            scores,
            class_ids,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
            class_agnostic=class_agnostic,
        )
    order: npt.NDArray[np.intp] = np.argsort(-scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    ranked = boxes[order].astype(np.float64)
    labels = np.zeros(len(order), np.intp) if class_agnostic else class_ids[order]
    pairs = _pairs_of_one_label(labels) or _pairs_close_together(ranked, labels)
    kept = (
        _keep_by_block(ranked, labels, iou_threshold, max_detections)
        if pairs is None
        else _keep_by_pair(ranked, iou_threshold, *pairs)
    )
    return order[kept[:max_detections]]


def _pairs_of_one_label(labels: _Indices) -> tuple[_Indices, _Indices] | None:
    """Return all pairs of boxes with the same label; None if they are many."""
    order = np.argsort(labels, kind="stable")
    grouped = labels[order]
    places = np.arange(1, len(grouped) + 1)
    counts = np.searchsorted(grouped, grouped, side="right") - places
    if counts.sum() > _PAIRS_PER_BOX * len(labels):
        return None
    first, second = _expand(places, counts)
    return order[first], order[second]


def _expand(begins: _Indices, counts: _Indices) -> tuple[_Indices, _Indices]:
    """Return the pairs of each place i with `begins[i]` and so on, `counts[i]` of them."""
    ends = counts.cumsum()
    second = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - ends + counts, counts)
    return np.repeat(np.arange(len(counts)), counts), second


def _pairs_close_together(boxes: _Boxes, labels: _Indices) -> tuple[_Indices, _Indices] | None:
    """Return pairs of boxes, among them all with a common area and label; None if they are too many.

    By their upper sides, boxes of one label are sorted into bands as high as the highest box, so one overlaps none but
    those of its own band and the two beside it. Bands lie on a line one behind the other, in each the boxes from left
    to right: those that overlap a box across lie next to each other there. Margins far wider than any rounding make
    sure that none is missed; what is found in vain is sorted out at the end.
    """
    if len(boxes) > _MOST_BOXES or not np.isfinite(boxes).all():
        return None
    left, top, right, bottom = boxes.T
    highest, widest = max((bottom - top).max(), 0.0), max((right - left).max(), 0.0)
    band_height = max(highest * _MARGIN, (top.max() - top.min()) / _BANDS) or 1.0
    groups = labels * (_BANDS + 3) + ((top - top.min()) / band_height).astype(np.intp)
    length = 2 * (max(left.max(), right.max()) - min(left.min(), right.min()) + widest) + 1  # of a band on the line
    line = np.argsort(left + groups * length)
    left, top, right, bottom = boxes[line].T.copy()
    offsets = groups[line] * length
    starts = left + offsets
    reach = widest + (_MARGIN - 1) * (abs(starts[0]) + abs(starts[-1]) + length)
    own_first = np.arange(1, len(line) + 1)
    own_end = np.searchsorted(starts, right + offsets, side="right")
    next_first = np.searchsorted(starts, left - reach + (offsets + length))
    next_end = np.searchsorted(starts, right + (offsets + length), side="right")
    begins = np.concatenate([own_first, next_first])
    counts = np.maximum(np.concatenate([own_end, next_end]) - begins, 0)
    if counts.sum() > _MOST_PAIRS:
        return None
    first, second = _expand(begins, counts)
    first %= len(line)  # the second half of `begins` is about the same boxes
    crossing = (top[second] < bottom[first]) & (top[first] < bottom[second])
    return line[first[crossing]], line[second[crossing]]


def _keep_by_pair(boxes: _Boxes, iou_threshold: float, first: _Indices, second: _Indices) -> _Indices:
    """Return which of the boxes, best first, to keep; all pairs that may clash are given."""
    clashing = paired_iou(boxes, first, second) > iou_threshold
    first, second = first[clashing], second[clashing]
    better, worse = np.minimum(first, second), np.maximum(first, second)
    kept = np.ones(len(boxes), np.bool_)
    for _ in range(_ROUNDS):  # as in `_keep_greedily`
        after = np.ones(len(boxes), np.bool_)
        after[worse[kept[better]]] = False
        if np.array_equal(after, kept):
            return np.flatnonzero(kept)
        kept = after
    return np.flatnonzero(_walk(better, worse, len(boxes)))


def _walk(better: _Indices, worse: _Indices, count: int) -> npt.NDArray[np.bool_]:
    """Return which boxes a walk from the best to the worst keeps: for long chains, where one hangs on the last."""
    kept = [True] * count
    order = np.argsort(better, kind="stable")
    for one, other in zip(better[order].tolist(), worse[order].tolist(), strict=True):
        if kept[one]:
            kept[other] = False
    return np.array(kept, np.bool_)


def _keep_by_block(boxes: _Boxes, labels: _Indices, iou_threshold: float, max_detections: int) -> _Indices:
    """Return which of the boxes, best first, to keep, at least the first `max_detections` of them."""

    def clashes(first: _Indices, second: _Indices) -> npt.NDArray[np.bool_]:
        """Return for every rank of `first` and of `second` whether the two boxes may not both be kept."""
        found: npt.NDArray[np.bool_] = pairwise_iou(boxes[first], boxes[second]) > iou_threshold
        found &= labels[first][:, None] == labels[second]
        return found

    ranks = np.arange(len(boxes))
    kept = ranks[:0]
    for start in range(0, len(boxes), _BLOCK):
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
