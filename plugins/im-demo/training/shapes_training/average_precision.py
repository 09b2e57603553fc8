"""Average precision as COCO defines it (https://cocodataset.org/#detection-eval).

mAP50-95 is the mean over classes and over the IoU thresholds 0.50, 0.55, ... 0.95; mAP50 uses the
first alone. Within a class all detections of all pictures are ranked by confidence. A detection
is right if the best still unmatched true box of its picture has at least the threshold's IoU.
Precision is made non-increasing from the right and read at the 101 recalls 0.00, 0.01, ... 1.00
(0 where that recall is never reached); their mean is the average precision. A class without true
boxes is left out. At most 100 detections of a class count per picture. Unlike COCO's own tool,
there are no crowd boxes, no ignored boxes and no ranges of area here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

IOU_THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
RECALLS: Floats = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100


@dataclass(frozen=True)
class Figures:
    """The result: `map50` and `map50_95` in 0..1, and AP50 by class id."""

    map50: float
    map50_95: float
    ap50_by_class: dict[int, float]


def pairwise_iou(first: Floats, second: Floats) -> Floats:
    """Return (n, m) IoU of boxes (n, 4) and (m, 4), x1 y1 x2 y2; 0 where both are empty."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0.0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0.0))


def match(iou: Floats) -> Flags:
    """Return (thresholds, n) bool, which detections are right.

    Args:
        iou: (n, m) IoU of n detections, most confident first, with m true boxes.
    """
    detections, truths = iou.shape
    right = np.zeros((len(IOU_THRESHOLDS), detections), dtype=np.bool_)
    if truths == 0:
        return right
    free = np.ones((len(IOU_THRESHOLDS), truths), dtype=np.bool_)
    for detection in np.flatnonzero(iou.max(axis=1) >= IOU_THRESHOLDS[0]):
        for level, threshold in enumerate(IOU_THRESHOLDS):
            overlaps = np.where(free[level], iou[detection], -1.0)
            best = int(overlaps.argmax())
            if overlaps[best] >= threshold:
                right[level, detection] = True
                free[level, best] = False
    return right


def average_precision(right: Flags, truths: int) -> float:
    """Return the 101-point AP of ranked detections (n,) bool against a number of true boxes."""
    if truths == 0 or len(right) == 0:
        return 0.0
    hits = np.cumsum(right)
    recall = hits / truths
    precision = hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    position = np.searchsorted(recall, RECALLS, side="left")
    reached = np.append(envelope, 0.0)[position]
    return float(reached.mean())


class AveragePrecision:
    """Collect pictures one by one, then compute the figures."""

    def __init__(self) -> None:
        self._confidences: dict[int, list[Floats]] = defaultdict(list)
        self._right: dict[int, list[Flags]] = defaultdict(list)
        self._truths: dict[int, int] = defaultdict(int)

    def add(
        self,
        boxes: npt.ArrayLike,
        class_ids: npt.ArrayLike,
        confidences: npt.ArrayLike,
        true_boxes: npt.ArrayLike,
        true_class_ids: npt.ArrayLike,
    ) -> None:
        """Add one picture: n detections and m true boxes.

        Args:
            boxes: (n, 4), x1 y1 x2 y2 in pixels.
            class_ids: (n,) ints.
            confidences: (n,) floats, in any order.
            true_boxes: (m, 4), like `boxes`.
            true_class_ids: (m,) ints.
        """
        found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        truth = np.asarray(true_boxes, dtype=np.float64).reshape(-1, 4)
        found_ids, truth_ids = np.asarray(class_ids), np.asarray(true_class_ids)
        scores = np.asarray(confidences, dtype=np.float64)
        for class_id in np.union1d(found_ids, truth_ids).astype(int).tolist():
            mine = np.flatnonzero(found_ids == class_id)
            mine = mine[np.argsort(-scores[mine], kind="stable")][:MAX_DETECTIONS]
            theirs = truth[truth_ids == class_id]
            self._truths[class_id] += len(theirs)
            self._confidences[class_id].append(scores[mine])
            self._right[class_id].append(match(pairwise_iou(found[mine], theirs)))

    def _by_threshold(self, class_id: int) -> Floats:
        """Return the AP (thresholds,) of one class."""
        confidences = np.concatenate(self._confidences[class_id])
        order = np.argsort(-confidences, kind="stable")
        right = np.concatenate(self._right[class_id], axis=1)[:, order]
        return np.array([average_precision(level, self._truths[class_id]) for level in right])

    def compute(self) -> Figures:
        """Return the figures over all pictures added so far."""
        classes = sorted(c for c, count in self._truths.items() if count > 0)
        if not classes:
            raise ValueError("No true boxes were added, so average precision is not defined.")
        table = np.stack([self._by_threshold(class_id) for class_id in classes])
        return Figures(
            map50=float(table[:, 0].mean()),
            map50_95=float(table.mean()),
            ap50_by_class=dict(zip(classes, table[:, 0].tolist(), strict=True)),
        )
