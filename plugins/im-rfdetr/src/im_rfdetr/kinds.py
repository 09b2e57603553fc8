"""Predictions as the image was given: arrays for an array, tensors for a tensor."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from inference_models.developer_tools import PreProcessingMetadata


class _HasArrays(Protocol):
    def to_torch(self, device: Any = None) -> Self: ...


_P = TypeVar("_P", bound=_HasArrays)


def in_kind(prediction: _P, metadata: PreProcessingMetadata) -> _P:
    """Return a prediction of numpy arrays as it is, or as tensors where the image was a tensor, on its device."""
    return prediction.to_torch(metadata.device) if metadata.array_kind == "torch" else prediction
