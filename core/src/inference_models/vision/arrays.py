"""Arrays of either library: handed to a session, taken back, and worked on without knowing which they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from inference_models.entities import ArrayKind

if TYPE_CHECKING:
    from inference_models.predictions.base import Prediction

__all__ = [
    "as_float32",
    "as_kind",
    "as_like",
    "as_numpy",
    "best_first",
    "in_kind",
    "indices_where",
    "library_of",
    "processing_device",
]

# An element of a one-dimensional array is a number, not an array without axes, as it is in torch.
_OF_NUMPY = (np.ndarray, np.generic)

_P = TypeVar("_P", bound="Prediction")


class _Given(Protocol):
    """What is known of an image as it was given: `SourceImage` and `PreProcessingMetadata` know it."""

    @property
    def array_kind(self) -> ArrayKind: ...

    @property
    def device(self) -> str: ...


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """Return a numpy array of `array`'s values; a view where the values lie in main memory.

    Values in bfloat16, a type that numpy lacks, become float32, which holds each of them exactly.
    """
    if isinstance(array, np.ndarray):
        return array
    array = array.detach()
    if str(array.dtype) == "torch.bfloat16":
        array = array.float()
    values: npt.NDArray[Any] = array.cpu().numpy()
    return values


def processing_device(kind: ArrayKind, device: str) -> str | None:
    """Return where images and outputs of a session are processed: its device, or None for the host.

    On the CPU it is the host for tensors too: OpenCV and numpy take a fraction of torch's time there.

    Args:
        kind: the session's `array_kind`.
        device: the session's `device`.
    """
    return device if kind == "torch" and device != "cpu" else None


def as_kind(array: Any, kind: ArrayKind, device: str) -> Any:
    """Return `array` as a session takes it.

    Args:
        array: a numpy array or a torch tensor.
        kind: the session's `array_kind`.
        device: the session's `device`, where the result lies. On the CPU, a tensor shares the memory of an array.
    """
    if kind == "numpy":
        return as_numpy(array)
    if not isinstance(array, np.ndarray):
        return array.to(device)
    if device != "cpu":
        from inference_models.vision.on_device.transfer import upload

        return upload(array, device)
    # A session of torch tensors exists, so torch is imported already: the core itself never imports it.
    return sys.modules["torch"].from_numpy(array)


def as_like(values: Any, like: Any) -> Any:
    """Return an array or tensor in the library of `like`, and on its device; a number as it is."""
    if isinstance(values, float):
        return values
    return as_numpy(values) if isinstance(like, _OF_NUMPY) else as_kind(values, "torch", str(like.device))


def in_kind(prediction: _P, image: _Given) -> _P:
    """Return a prediction as the image was given: with arrays for an array, with tensors on its device for a tensor.

    Args:
        prediction: with arrays of either library; itself where they are numpy's and the image was an array.
        image: a `PreProcessingMetadata` or `SourceImage`, or what else has their `array_kind` and `device`.
    """
    return prediction.to_torch(image.device) if image.array_kind == "torch" else prediction.to_numpy()


def library_of(array: Any) -> Any:
    """Return the module that `array` is of, numpy or torch: most functions of numpy have a namesake in torch.

    `library_of(a).isfinite(a)` is `numpy.isfinite(a)` or `torch.isfinite(a)`; torch takes numpy's `axis=` too.
    """
    return np if isinstance(array, _OF_NUMPY) else sys.modules["torch"]


def as_float32(array: Any) -> Any:
    """Return an array or tensor as float32, itself if it is that."""
    return array.astype(np.float32, copy=False) if isinstance(array, _OF_NUMPY) else array.float()


def indices_where(mask: Any) -> Any:
    """Return the places, ascending, at which a one-dimensional array or tensor of booleans is true."""
    return np.flatnonzero(mask) if isinstance(mask, np.ndarray) else mask.nonzero()[:, 0]


def best_first(scores: Any) -> Any:
    """Return the places of (n,) scores in descending order; of equal scores the lower place first."""
    if isinstance(scores, np.ndarray):
        return np.argsort(-scores, kind="stable")
    return scores.sort(descending=True, stable=True).indices
