"""What makes probabilities of a network's scores, for arrays and tensors alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference_models.vision.arrays import library_of

__all__ = ["sigmoid", "softmax"]


def softmax(logits: Any) -> Any:
    """Return the softmax over the last axis, in a new array or tensor. Large values do not overflow."""
    if not isinstance(logits, np.ndarray):
        return library_of(logits).softmax(logits, dim=-1)
    with np.errstate(invalid="ignore"):  # infinite logits give NaN
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def sigmoid(logits: Any) -> Any:
    """Return 1 / (1 + exp(-x)), in a new array or tensor. Large values do not overflow."""
    if not isinstance(logits, np.ndarray):
        return library_of(logits).sigmoid(logits)
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, np.float32(1), small) / (1 + small)
