"""Images given as torch tensors. The core never imports torch: a tensor that exists proves that it is imported."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.errors import ModelInputError
from inference_models.vision.requirements import opencv

__all__ = ["check_range", "check_tensor", "is_tensor", "tensor_pixels"]

_WANTED = "a tensor image has the shape (3, height, width) and uint8 values, or floats in 0 to 1"
_TOLERANCE = 1e-3  # resizing with a sharp filter leaves floats a little beyond 0 and 1


def is_tensor(value: object) -> bool:
    """Return whether `value` is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def tensor_pixels(tensor: Any, where: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of a CHW tensor as an image (height, width, 3).

    A uint8 tensor in main memory is not copied. Floats are rounded to the 256 values of an image, so that a picture
    gives the same result as tensor and as array.

    Args:
        tensor: (3, height, width), uint8 or floating point in 0 to 1, on any device.
        where: what an error message calls it.

    Raises:
        ModelInputError: it is something else. The message says what, and how to turn it into an image.
    """
    check_tensor(tensor, where)
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        return _rounded(tensor.float().numpy(), where).transpose(1, 2, 0)
    pixels: npt.NDArray[np.uint8] = tensor.numpy()
    return pixels.transpose(1, 2, 0)


def check_tensor(tensor: Any, where: str) -> None:
    """Raise ModelInputError unless shape and dtype are those of an image; nothing is asked about the values."""
    shape = tuple(tensor.shape)
    if len(shape) != 3 or shape[0] != 3:
        raise ModelInputError(f"{_WANTED}, but {where} has shape {shape}. {_advice_for_shape(shape)}")
    if 0 in shape:
        raise ModelInputError(f"{where} has no pixels: its shape is {shape}. A crop outside the frame gives this.")
    name = str(tensor.dtype).removeprefix("torch.")
    if name != "uint8" and not tensor.is_floating_point():
        raise ModelInputError(f"{_WANTED}, but {where} has dtype {name}. Scale it to 0 to 255 and call tensor.byte().")


def check_range(low: float, high: float, where: str) -> None:
    """Raise ModelInputError unless floats from `low` to `high` are those of an image."""
    if not (low >= -_TOLERANCE and high <= 1 + _TOLERANCE):  # NaN is neither
        raise ModelInputError(f"{_WANTED}, but {where} {_advice_for_range(low, high)}")


def _rounded(planes: npt.NDArray[np.float32], where: str) -> npt.NDArray[np.uint8]:
    check_range(float(planes.min()), float(planes.max()), where)
    cv2 = opencv()
    values = np.empty(planes.shape, np.uint8)
    for plane, rounded in zip(planes, values, strict=True):
        cv2.convertScaleAbs(plane, rounded, alpha=255)
    return values


def _advice_for_range(low: float, high: float) -> str:
    if np.isnan(low):
        return "holds NaN, which is no colour."
    if low >= 0 and high <= 255:
        return f"has values of {low:g} to {high:g}: divide it by 255."
    return f"has values of {low:g} to {high:g}: undo the normalization."


def _advice_for_shape(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] == 3:
        return "Its channels come last: tensor.permute(2, 0, 1) moves them first."
    if len(shape) == 3 and shape[0] == 1:
        return "It is grey: tensor.expand(3, -1, -1) makes three channels of one."
    if len(shape) == 3 and shape[0] == 4:
        return "It has an alpha channel: tensor[:3] drops it."
    return "Pass one image, a list of images or a tensor of shape (N, 3, height, width)."
