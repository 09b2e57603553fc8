"""Which pairs of query and class are predictions: the best ones, without non-maximum suppression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.developer_tools import as_float32, sigmoid

__all__ = ["Selected", "select"]

# In widths of the picture. Pixels of what is below are finite, also the sums of two.
_INFINITE = 1e25

Floats = npt.NDArray[np.floating[Any]]


@frozen
class Selected:
    """Pairs of query and class in one image, best first; of equal scores the lower query, then the lower class.

    Attributes:
        queries: (n,) their queries. One may appear with several classes.
        columns: (n,) their classes, as the network numbers them.
        scores: (n,) float32 in [0, 1].
    """

    queries: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    scores: npt.NDArray[np.float32]

    def take(self, rows: Any) -> Selected:
        """Return the pairs that `rows`, indices or booleans, choose."""
        return Selected(self.queries[rows], self.columns[rows], self.scores[rows])

    def with_boxes(self, boxes: Floats) -> Selected:
        """Return the pairs whose query has a box.

        Args:
            boxes: (queries, 4) as the network gives them. NaN and what is as good as infinite are no box.
        """
        there = (np.abs(boxes[self.queries]) < _INFINITE).all(axis=1)
        return self if there.all() else self.take(there)


def select(logits: Floats, thresholds: npt.NDArray[np.float32], count: int) -> Selected:
    """Return the best pairs, as far as their score is strictly above the threshold of their class.

    The best `count` are taken of all pairs and only then compared with thresholds: also a class that is not shown
    takes its place among them, as in training.

    Args:
        logits: (queries, classes) the network's scores before the logistic function. NaN is never among the best.
        thresholds: (classes,) of each class; infinite for one that is not shown.
        count: how many pairs are taken at most.
    """
    classes, flat = logits.shape[1], logits.ravel()
    # Few pairs pass: which might, their logits say, and only those are worth an exponential.
    places = np.flatnonzero(flat > _logit_below(thresholds.min(initial=np.inf)))
    scores = sigmoid(as_float32(flat[places]))
    best = np.argsort(-scores, kind="stable")[:count]
    places, scores = places[best], scores[best]
    pairs = Selected(places // classes, places % classes, scores)
    return pairs.take(pairs.scores > thresholds[pairs.columns])


def _logit_below(probability: float) -> float:
    """Return a number that is surely below the logit of every higher probability, however that is rounded."""
    if not 0 < probability < 1:
        return -math.inf if probability <= 0 else math.inf
    probability = min(probability, 0.99)  # beyond, rounding counts for more than the margin
    return math.log(probability / (1 - probability)) - 1e-2
