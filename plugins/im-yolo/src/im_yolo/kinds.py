"""Predictions as the image was given: arrays for an array, tensors for a tensor."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from inference_models.developer_tools import PreProcessingMetadata


class _HasArrays(Protocol):
    def to_numpy(self) -> Self: ...

    def to_torch(self, device: Any = None) -> Self: ...


_P = TypeVar("_P", bound=_HasArrays)


def in_kind(prediction: _P, metadata: PreProcessingMetadata) -> _P:
    """Return a prediction as arrays where the image was one; as tensors, on the image's device, where it was one."""
    return prediction.to_torch(metadata.device) if metadata.array_kind == "torch" else prediction.to_numpy()
