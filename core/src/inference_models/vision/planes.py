"""From an image to its colour planes in the network's input: resized, cut or padded, scaled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inference_models.vision.antialias import resize_antialiased
from inference_models.vision.geometry import ImageDimensions, PreProcessingMetadata
from inference_models.vision.images import Image
from inference_models.vision.requirements import opencv

__all__ = ["resized_planes", "without_cut_off", "write_plane"]


def resized_planes(image: Image, placement: PreProcessingMetadata, *, antialias: bool = False) -> list[Image]:
    """Return the planes of `image` at the size they have in the input, without what is cut off there.

    Args:
        image: (h, w, 3), or (h, w): one plane; any strides but negative ones of the colours.
        placement: where the image goes.
        antialias: resize as Pillow does, not as OpenCV does.
    """
    image = without_cut_off(image, placement)
    size = placement.resized
    fits = size == placement.size_after_pre_processing
    cv2 = opencv()
    resize = resize_antialiased if antialias else _resize_linear
    if image.ndim == 3 and image.strides[2] > image.strides[1]:
        # Planes lie one after the other, as in a CHW tensor: OpenCV would copy them into one image first.
        planes = [image[..., channel] for channel in range(image.shape[2])]
        return planes if fits else [resize(plane, size) for plane in planes]
    if not fits:
        image = resize(image, size)
    # Splitting the small image and swapping planes is much cheaper than swapping colours of the large one.
    return [image] if image.ndim == 2 else list(cv2.split(image))


def _resize_linear(image: Image, size: ImageDimensions) -> Image:
    cv2 = opencv()
    resized: Image = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return resized


def write_plane(
    target: npt.NDArray[np.float32],
    plane: Image,
    placement: PreProcessingMetadata,
    factors: tuple[float, float],
    padding_value: int | None,
) -> None:
    """Write one plane into its (height, width) part of the tensor, as `value * gain + bias`.

    Args:
        target: is filled completely.
        plane: as `resized_planes` returns it.
        placement: where the image goes.
        factors: gain and bias.
        padding_value: what lies beside the image before scaling; None: the image itself, mirrored at its edges.
    """
    top, left = max(placement.pad_top, 0), max(placement.pad_left, 0)
    bottom, right = max(placement.pad_bottom, 0), max(placement.pad_right, 0)
    gain, bias = map(np.float32, factors)
    if padding_value is None:
        cv2 = opencv()
        plane = cv2.copyMakeBorder(plane, top, bottom, left, right, cv2.BORDER_REFLECT)
        inside = target
    else:
        rows, columns = slice(top, target.shape[0] - bottom), slice(left, target.shape[1] - right)
        _fill_border(target, rows, columns, padding_value * gain + bias)
        inside = target[rows, columns]
    # Convert, then scale in place: faster than one multiplication of mixed types, with the same result.
    inside[...] = plane
    inside *= gain
    if bias:
        inside += bias


def without_cut_off(image: Image, placement: PreProcessingMetadata) -> Image:
    """Return the part of an image (h, w[, 3]) that the input shows: all of it, but for a centre crop. A view."""
    top, left = max(-placement.pad_top, 0), max(-placement.pad_left, 0)
    bottom, right = max(-placement.pad_bottom, 0), max(-placement.pad_right, 0)
    if top or left or bottom or right:
        return image[top : image.shape[0] - bottom, left : image.shape[1] - right]
    return image


def _fill_border(plane: npt.NDArray[np.float32], rows: slice, columns: slice, value: np.float32) -> None:
    plane[: rows.start] = value
    plane[rows.stop :] = value
    plane[rows, : columns.start] = value
    plane[rows, columns.stop :] = value
