"""Key points as the network gives them: positions, confidences, and how sure each position is.

Of each point it gives x and y in shares of the picture, two logits (whether it can be found, whether it is visible),
and the precision (inverse covariance) of its position as a Cholesky factor L, lower triangular, P = L Lᵀ: log L11, L21,
log L22. An eighth value raises the score of its class in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from im_rfdetr.selection import Floats, Selected
from inference_models.developer_tools import PreProcessingMetadata, as_float32, rescale_points, sigmoid

__all__ = ["Points", "fuse_scores", "read_points"]

# How much uncertain positions lower the score of an instance: the rf-detr project's number.
_TRACE_WEIGHT = 0.2
_TINY = 1e-12


@frozen
class Points:
    """The key points of n instances, k of each.

    Attributes:
        values: (n, k, 8) float64 as the network gives them.
        there: (n, k) bool, which of them the instance's class has.
    """

    values: npt.NDArray[np.float64]
    there: npt.NDArray[np.bool_]

    def take(self, rows: Any) -> Points:
        """Return the points of some instances."""
        return Points(self.values[rows], self.there[rows])

    def place(
        self, metadata: PreProcessingMetadata, lowest: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return positions (n, k, 2), confidences (n, k) and covariances (n, k, 2, 2), float32, in source pixels.

        Args:
            metadata: how the picture was brought to the network.
            lowest: points with a lower confidence are blanked: position and confidence 0, covariance NaN.
        """
        size = np.array([metadata.inference_size.width, metadata.inference_size.height], np.float64)
        confidence = sigmoid(as_float32(self.values[..., 2]))
        shown = self.there & (confidence >= np.float32(lowest)) & np.isfinite(self.values[..., :2]).all(axis=-1)
        xy = rescale_points(self.values[..., :2] * size, metadata)
        covariance = _covariance(self.values, size / [metadata.scale_width, metadata.scale_height])
        xy[~shown], confidence[~shown], covariance[~shown] = 0, 0, np.nan
        return xy, confidence, covariance


def read_points(slots: Floats, pairs: Selected, counts: Sequence[int]) -> Points:
    """Return the points that belong to the class of each pair.

    Args:
        slots: (queries, classes * k, 8), k for each class that may have points, those with fewer padded.
        pairs: n pairs of query and class.
        counts: how many points each of the network's classes has; there may be more classes than have slots.
    """
    most = max(counts)
    by_class = slots.reshape(len(slots), -1, most, slots.shape[-1])
    known = np.zeros(max(len(counts), int(pairs.columns.max(initial=0)) + 1), np.intp)
    known[: len(counts)] = counts
    columns = np.minimum(pairs.columns, by_class.shape[1] - 1)
    values = by_class[pairs.queries, columns].astype(np.float64)
    return Points(values, np.arange(most) < known[pairs.columns][:, None])


def fuse_scores(scores: npt.NDArray[np.float32], points: Points) -> npt.NDArray[np.float32]:
    """Return scores (n,) float32 in [0, 1), lowered where positions are uncertain and raised where they are sure.

    With t the mean trace of the points' covariances in shares of the picture, weighted by whether each can be found, a
    score s becomes r / (1 + r), r = s * t ** -0.2. Instances whose class has no points keep their score.

    Args:
        scores: (n,) of the classes.
        points: of the n instances.
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        weights = np.where(points.there, np.log(np.maximum(_probability(points.values[..., 2]), _TINY)), -np.inf)
        mean = _log_sum(_log_traces(points.values) + weights) - _log_sum(weights)
        ratio = np.log(scores.astype(np.float64)) - _TRACE_WEIGHT * mean
        fused = np.minimum(_probability(ratio).astype(np.float32), np.nextafter(np.float32(1), np.float32(0)))
    return np.where(points.there.any(axis=1), fused, scores)


def _log_traces(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the trace of each point's covariance: sums of exponentials, which could overflow."""
    first, second = -2 * values[..., 4], -2 * values[..., 6]
    third = 2 * np.log(np.maximum(np.abs(values[..., 5]), _TINY)) + first + second
    return _log_sum(np.stack([first, second, third], axis=-1))


def _log_sum(logarithms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return log(sum(exp(x))) over the last axis."""
    most = logarithms.max(axis=-1, keepdims=True, initial=-np.inf)
    most = np.where(np.isfinite(most), most, 0)
    total: npt.NDArray[np.float64] = np.log(np.exp(logarithms - most).sum(axis=-1)) + most[..., 0]
    return total


def _probability(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = np.exp(-np.logaddexp(0, -logits))
    return result


def _covariance(values: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return (n, k, 2, 2): the inverse of L Lᵀ in square source pixels, `scale` of them per unit; NaN if none."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        first, second = np.exp(-values[..., 4]), np.exp(-values[..., 6])  # 1 / L11, 1 / L22
        slope = values[..., 5] * first * second
        covariance = np.empty((*values.shape[:-1], 2, 2))
        covariance[..., 0, 0] = first**2 + slope**2
        covariance[..., 0, 1] = covariance[..., 1, 0] = -slope * second
        covariance[..., 1, 1] = second**2
        scaled: npt.NDArray[np.float32] = (covariance * np.outer(scale, scale)).astype(np.float32)
    scaled[~np.isfinite(scaled).all(axis=(-2, -1))] = np.nan
    return scaled
