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

# Where few boxes lie close together, all pairs of those are found first and compared at once.
_MOST_PAIRS = 100_000
_MOST_BOXES = 2000  # beyond, taking them by the block until there are enough is as fast
_BANDS = 64
_MARGIN = 1e-9
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
    if len(order) and np.isnan(scores[order[-1]]):  # NaN comes last
        order = order[: len(order) - np.count_nonzero(np.isnan(scores))]
    # Columns that lie together in memory are read much faster than rows.
    ranked = boxes.T.take(order, axis=1).astype(np.float64).T
    labels = np.zeros(len(order), np.intp) if class_agnostic else class_ids.take(order)
    pairs = _pairs_close_together(ranked, labels, iou_threshold)
    kept = (
        _keep_by_block(ranked, labels, iou_threshold, max_detections)
        if pairs is None
        else _keep_by_pair(ranked, iou_threshold, *pairs)
    )
    return order[kept[:max_detections]]


def _pairs_close_together(boxes: _Boxes, labels: _Indices, iou_threshold: float) -> tuple[_Indices, _Indices] | None:
    """Return pairs of boxes, among them all of one label that may clash; None if they are too many.

    Two boxes clash only if they share more than `iou_threshold` of the width of either, and of the height: their left
    sides are nearer than the rest of the width of the one that is further left, and likewise their upper sides.

    By their upper sides, boxes of one label are sorted into bands so high that a box clashes with none but those of its
    own band and the two beside it. Bands lie on a line one behind the other, in each the boxes from left to right:
    those that clash with a box lie close to it there. Margins far wider than any rounding make sure that none is
    missed; what is found in vain is sorted out at the end.
    """
    if not 0 < len(boxes) <= _MOST_BOXES or not np.isfinite(boxes).all():
        return None
    left, top, across, _ = table = boxes.T.copy()
    table[2:] -= table[:2]
    table[2:] *= 1 - iou_threshold + _MARGIN
    last_left, last_top, widest, highest = table.max(axis=1).tolist()
    first_left, first_top = table[:2].min(axis=1).tolist()
    band_height = max(highest, (last_top - first_top) / _BANDS) or 1.0
    reach = max(widest, 0.0)
    length = 2 * (last_left - first_left + reach) + 1  # of a band on the line
    bands = ((top - first_top) / band_height).astype(np.intp) + np.multiply(labels, _BANDS + 3, dtype=np.intp)
    places = left + bands * length
    line = np.argsort(places)
    starts = places.take(line)
    slack = _MARGIN * (abs(float(starts[0])) + abs(float(starts[-1])) + length)
    ends = starts + (across.take(line) + slack)
    begins = np.concatenate([np.arange(1, len(line) + 1), np.searchsorted(starts, starts + (length - reach - slack))])
    counts = np.concatenate([np.searchsorted(starts, ends), np.searchsorted(starts, ends + length)])
    counts -= begins
    np.maximum(counts, 0, out=counts)
    if counts.sum() > _MOST_PAIRS:
        return None
    return np.repeat(np.concatenate([line, line]), counts), line.take(_expand(begins, counts))


def _expand(begins: _Indices, counts: _Indices) -> _Indices:
    """Return `counts[0]` whole numbers from `begins[0]` on, then those of the next, and so on."""
    stops = counts.cumsum()
    numbers: _Indices = np.arange(stops[-1]) + np.repeat(begins - stops + counts, counts)
    return numbers


def _keep_by_pair(boxes: _Boxes, iou_threshold: float, first: _Indices, second: _Indices) -> _Indices:
    """Return which of the boxes, best first, to keep; all pairs that may clash are given."""
    clashing = np.flatnonzero(paired_iou(boxes, first, second) > iou_threshold)
    first, second = first.take(clashing), second.take(clashing)
    better, worse = np.minimum(first, second), np.maximum(first, second)
    dropped = np.zeros(len(boxes), np.bool_)
    for _ in range(_ROUNDS):
        if not len(better):
            return np.flatnonzero(~dropped)
        # A box that no undecided one could drop is kept, and drops its own. Pairs of decided boxes say no more.
        open_ = np.zeros(len(boxes), np.bool_)
        open_[worse] = True
        dropped[worse.compress(~open_.take(better))] = True
        undecided = ~(dropped.take(better) | dropped.take(worse))
        better, worse = better.compress(undecided), worse.compress(undecided)
    return np.flatnonzero(_walk(better, worse, len(boxes)) & ~dropped)


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
