"""What counts as an image, and what to tell somebody who passes something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models.entities import ArrayKind, ColorFormat
from inference_models.errors import ModelInputError
from inference_models.vision.tensors import is_tensor, tensor_pixels

__all__ = ["Image", "Images", "SourceImage", "as_images", "read_images"]

Image: TypeAlias = npt.NDArray[np.uint8]
"""Height x width x 3 colour values of 0 to 255."""

Images: TypeAlias = Any
"""One image, a list or tuple of images of any sizes, or an array or tensor of images.

An image is an `Image`, or a torch tensor (3, height, width) of uint8 values or of floats in 0 to 1.
"""

_WANTED = "an image is a numpy array of shape (height, width, 3) and dtype uint8, or a torch tensor (3, height, width)"
_ALTERNATIVES = "Pass one image, a list of images or an array of shape (N, height, width, 3)."


@frozen
class SourceImage:
    """An image as it was given.

    Attributes:
        pixels: (height, width, 3) uint8; a view of what was given wherever it is of that dtype and in main memory.
        color_format: the order of its colours when the caller does not say: "bgr" for numpy, "rgb" for torch.
        array_kind: what it was given as.
        device: where it lay.
    """

    pixels: Image
    color_format: ColorFormat = "bgr"
    array_kind: ArrayKind = "numpy"
    device: str = "cpu"


def as_images(images: Images) -> list[SourceImage]:
    """Return the images one by one, without copying uint8 pixels that are in main memory.

    Args:
        images: one image, a list or tuple of them (sizes and kinds may differ), an array (N, H, W, 3) or a tensor
            (N, 3, H, W). An image is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or of
            floats in 0 to 1, which are rounded to the 256 values of an image.

    Raises:
        ModelInputError: something else was given. The message says what, and how to turn it into an image; for a list
            it also says which element.
    """
    return read_images(images, tensor_pixels)


def read_images(images: Images, read_tensor: Callable[[Any, str], Any]) -> list[SourceImage]:
    """Return the images one by one.

    Args:
        images: as for `as_images`.
        read_tensor: `(tensor, what a message calls it)`: returns the pixels (height, width, 3) of a tensor, or raises
            ModelInputError.

    Raises:
        ModelInputError: as by `as_images`.
    """
    if isinstance(images, (list, tuple)):
        kind = type(images).__name__
        _require_some(len(images), f"an empty {kind}")
        return [_checked(image, read_tensor, f"element {index} of the {kind}") for index, image in enumerate(images)]
    if (isinstance(images, np.ndarray) or is_tensor(images)) and images.ndim == 4:
        kind = "array" if isinstance(images, np.ndarray) else "tensor"
        _require_some(len(images), f"an empty {kind} of images, shape {tuple(images.shape)}")
        return [_checked(image, read_tensor, f"image {index} of the {kind}") for index, image in enumerate(images)]
    return [_checked(images, read_tensor, "the image")]


def _require_some(count: int, got: str) -> None:
    if count == 0:
        raise ModelInputError(f"There is no image: got {got}. {_ALTERNATIVES}")


def _checked(image: Any, read_tensor: Callable[[Any, str], Any], where: str) -> SourceImage:
    if is_tensor(image):
        return SourceImage(read_tensor(image, where), "rgb", "torch", str(image.device))
    if not isinstance(image, np.ndarray):
        raise ModelInputError(f"{_WANTED}, but {where} is {_name_of(image)}. {_advice_for_object(image)}")
    if image.dtype != np.uint8:
        raise ModelInputError(f"{_WANTED}, but {where} has dtype {image.dtype}. {_advice_for_dtype(image)}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ModelInputError(f"{_WANTED}, but {where} has shape {image.shape}. {_advice_for_shape(image.shape)}")
    if image.size == 0:
        raise ModelInputError(
            f"{where} has no pixels: its shape is {image.shape}. A crop outside the frame or a failed read gives this."
        )
    return SourceImage(image)


def _name_of(value: object) -> str:
    if value is None or isinstance(value, (str, bytes, PurePath)):
        return "None" if value is None else f"a {type(value).__name__}"
    kind = type(value)
    return f"a {kind.__name__}" if kind.__module__ == "builtins" else f"a {kind.__module__}.{kind.__qualname__}"


def _advice_for_object(value: object) -> str:
    package = type(value).__module__.partition(".")[0]
    if value is None:
        return "cv2.imread returns None when it cannot read the file: check its path."
    if isinstance(value, (str, PurePath)):
        return "Load the file first: inference_models.load_image(path) or cv2.imread(path)."
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "Decode it first: inference_models.load_image(content)."
    if package == "PIL":
        return 'Convert it: numpy.asarray(image.convert("RGB")), and add input_color_format="rgb".'
    return _ALTERNATIVES


def _advice_for_dtype(array: npt.NDArray[Any]) -> str:
    if array.dtype.kind == "f" and array.size:
        if np.isnan(array).any():
            return "It holds NaN, which is no colour."
        low, high = array.min(), array.max()
        if low >= 0 and high <= 1:
            return "Its values lie in 0 to 1: (image * 255).round().astype(numpy.uint8) makes an image of them."
        if low >= 0 and high <= 255:
            return "Its values lie in 0 to 255: image.round().astype(numpy.uint8) makes an image of them."
        return f"Its values run from {low:g} to {high:g}: undo the normalization, an image holds 0 to 255."
    if array.dtype == np.uint16:
        return "(image / 257).round().astype(numpy.uint8) turns 16-bit values into 8-bit ones."
    if array.dtype.kind == "O":
        return "Images of different sizes go into a list, not into an array of objects."
    return "Scale its values to 0 to 255 and convert it with image.astype(numpy.uint8)."


def _advice_for_shape(shape: tuple[int, ...]) -> str:
    channels = shape[2] if len(shape) == 3 else None
    if len(shape) == 2 or channels == 1:
        return "It is grey: cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) makes three channels of one."
    if channels == 4:
        return "It has an alpha channel: image[:, :, :3] drops it."
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "Its channels come first: image.transpose(1, 2, 0) moves them last."
    return _ALTERNATIVES
