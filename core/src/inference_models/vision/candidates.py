"""From the scores of all classes at all anchors to the few anchors worth a look."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.vision.tensors import is_tensor

__all__ = ["Candidates", "select_candidates"]


@frozen
class Candidates:
    """Anchors whose best class passes its threshold, in ascending order. Arrays or tensors, as the scores were.

    Attributes:
        anchors: (n,) their indices.
        class_ids: (n,) the best class of each; of equal scores the lower id.
        scores: (n,) its score.
    """

    anchors: npt.NDArray[np.intp]
    class_ids: npt.NDArray[np.intp]
    scores: npt.NDArray[np.floating[Any]]


def select_candidates(scores: npt.NDArray[np.floating[Any]], threshold: float | npt.NDArray[np.float32]) -> Candidates:
    """Return the anchors whose best class has a score strictly above the threshold.

    Args:
        scores: (classes, anchors), an array or a tensor. An anchor with a NaN among its scores is left out.
        threshold: one for all classes, or (classes,) with one for each, in the library of the scores.

    Returns:
        The anchors that pass.
    """
    if is_tensor(scores):
        from inference_models.vision.on_device.boxes import best_classes

        return Candidates(*best_classes(scores, threshold))
    best = scores.max(axis=0)
    anchors = np.flatnonzero(best > (threshold if isinstance(threshold, float) else threshold.min()))
    # Only now, on the survivors: finding the class of every anchor costs six times as much as its best score.
    class_ids = scores.T[anchors].argmax(axis=1)
    candidates = Candidates(anchors, class_ids, best.take(anchors))
    if isinstance(threshold, float):
        return candidates
    passing = candidates.scores > threshold[class_ids]
    return Candidates(anchors[passing], class_ids[passing], candidates.scores[passing])
