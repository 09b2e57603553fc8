"""From an image to its colour planes in the network's input: resized, cut or padded, scaled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inference_models.vision.geometry import ImageDimensions, PreProcessingMetadata
from inference_models.vision.images import Image
from inference_models.vision.requirements import opencv

__all__ = ["resized_planes", "without_cut_off", "write_planes"]


def resized_planes(image: Image, placement: PreProcessingMetadata, *, antialias: bool = False) -> list[Image]:
    """Return the planes of `image` at the size they have in the input, without what is cut off there.

    Args:
        image: (h, w, 3), or (h, w): one plane; any strides but negative ones of the colours.
        placement: where the image goes.
        antialias: resize as Pillow does, not as OpenCV does.
    """
    image = without_cut_off(image, placement)
    size = placement.resized
    cv2 = opencv()
    if size != placement.size_after_pre_processing:
        sampled = None if antialias else _sampled(image, size)
        if sampled is not None:
            return _views(sampled)
        resize = _antialiased if antialias else _resize_linear
        if _is_planar(image):  # OpenCV would copy the planes into one image first
            return [resize(plane, size) for plane in _views(image)]
        image = resize(image, size)
    if image.ndim == 2 or _is_planar(image):
        return _views(image)
    # Splitting the small image and swapping planes is much cheaper than swapping colours of the large one.
    return list(cv2.split(image))


def _antialiased(image: Image, size: ImageDimensions) -> Image:
    from inference_models.vision.antialias import resize_antialiased  # most families do without

    return resize_antialiased(image, size)


def _resize_linear(image: Image, size: ImageDimensions) -> Image:
    cv2 = opencv()
    resized: Image = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return resized


def write_planes(
    target: npt.NDArray[np.float32],
    planes: Sequence[Image],
    placement: PreProcessingMetadata,
    factors: tuple[Sequence[float], Sequence[float]],
    padding_value: int | None,
) -> None:
    """Write an image into its (channels, height, width) part of the tensor, as `value * gain + bias`.

    Args:
        target: is filled completely.
        planes: one per channel, as `resized_planes` returns them.
        placement: where the image goes.
        factors: gains and biases, one of each per channel.
        padding_value: what lies beside the image before scaling; None: the image itself, mirrored at its edges.
    """
    top, left = max(placement.pad_top, 0), max(placement.pad_left, 0)
    bottom, right = max(placement.pad_bottom, 0), max(placement.pad_right, 0)
    gains, biases = (np.array(values, np.float32) for values in factors)
    inside = target
    if padding_value is None:
        cv2 = opencv()
        planes = [cv2.copyMakeBorder(plane, top, bottom, left, right, cv2.BORDER_REFLECT) for plane in planes]
    elif top or left or bottom or right:
        rows, columns = slice(top, target.shape[1] - bottom), slice(left, target.shape[2] - right)
        _fill_border(target, rows, columns, (padding_value * gains + biases)[:, None, None])
        inside = target[:, rows, columns]
    # Convert, then scale in place: faster than one multiplication of mixed types, with the same result.
    for goal, plane, gain, bias in zip(inside, planes, gains, biases, strict=True):
        goal[...] = plane
        np.multiply(goal, gain, out=goal)
        if bias:
            np.add(goal, bias, out=goal)


def _sampled(image: Image, size: ImageDimensions) -> Image | None:
    """Return the image at `size` as a view of it; None where a pixel of the result would be a mixture.

    Where the image is an odd number of times as large, as 1080x1920 is three times 360x640, the centre of each pixel of
    the result is that of a source pixel, and linear interpolation returns this one. Picking it takes half the time.
    """
    down, rest_down = divmod(image.shape[0], size.height)
    across, rest_across = divmod(image.shape[1], size.width)
    if rest_down or rest_across or not down % 2 or not across % 2:
        return None
    return image[down // 2 :: down, across // 2 :: across]


def _is_planar(image: Image) -> bool:
    """Return whether planes lie one after the other, as in a CHW tensor."""
    return image.ndim == 3 and image.strides[2] > image.strides[1]


def _views(image: Image) -> list[Image]:
    return [image] if image.ndim == 2 else [image[..., channel] for channel in range(image.shape[2])]


def without_cut_off(image: Image, placement: PreProcessingMetadata) -> Image:
    """Return the part of an image (h, w[, 3]) that the input shows: all of it, but for a centre crop. A view."""
    top, left = max(-placement.pad_top, 0), max(-placement.pad_left, 0)
    bottom, right = max(-placement.pad_bottom, 0), max(-placement.pad_right, 0)
    if top or left or bottom or right:
        return image[top : image.shape[0] - bottom, left : image.shape[1] - right]
    return image


def _fill_border(target: npt.NDArray[np.float32], rows: slice, columns: slice, values: npt.NDArray[np.float32]) -> None:
    """Fill what lies beside `rows` and `columns` with (channels, 1, 1) values."""
    if rows.start:
        target[:, : rows.start] = values
    if rows.stop < target.shape[1]:
        target[:, rows.stop :] = values
    if columns.start:
        target[:, rows, : columns.start] = values
    if columns.stop < target.shape[2]:
        target[:, rows, columns.stop :] = values
