"""The way back: from pixels of the network's input to pixels of the source image. For tensors, on their device."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from inference_models.vision.geometry import ImageDimensions, PreProcessingMetadata
from inference_models.vision.requirements import opencv
from inference_models.vision.tensors import is_tensor

__all__ = ["rescale_boxes", "rescale_points", "restore_map"]

Floats = npt.NDArray[np.floating[Any]]

_PLANES_AT_ONCE = 64  # OpenCV 5 takes at most 128


def rescale_boxes(boxes: Floats, metadata: PreProcessingMetadata) -> npt.NDArray[np.float32]:
    """Bring boxes from the network's input to the source image, unrounded and clamped to it.

    Args:
        boxes: (n, 4) left, top, right, bottom in pixels of the network's input; an array or a tensor.
        metadata: how the image was brought there.

    Returns:
        (n, 4) float32 left, top, right, bottom in pixels of the source image, in a new array or tensor.
    """
    return _to_source(boxes, metadata, 2, clamp=True)


def rescale_points(points: Floats, metadata: PreProcessingMetadata, *, clamp: bool = False) -> npt.NDArray[np.float32]:
    """Bring points from the network's input to the source image, unrounded.

    Args:
        points: (..., 2) x, y in pixels of the network's input; key points are (n, k, 2). An array or a tensor.
        metadata: how the image was brought there.
        clamp: move points that lie outside the source image to its edge. Without, they stay outside: a joint beyond
            the edge of a picture is an answer too.

    Returns:
        (..., 2) float32 x, y in pixels of the source image, in a new array or tensor.
    """
    return _to_source(points, metadata, 1, clamp=clamp)


def _to_source(
    coordinates: Floats, metadata: PreProcessingMetadata, pairs: int, *, clamp: bool
) -> npt.NDArray[np.float32]:
    """Return (..., 2 * pairs) x, y, x, y, ... in source pixels, in a new array."""
    if is_tensor(coordinates):
        from inference_models.vision.on_device.boxes import to_source

        return to_source(coordinates, metadata, clamp=clamp)  # type: ignore[no-any-return]
    crop, size = metadata.static_crop_offset, metadata.original_size
    padding, scale, offset, edge = np.array(
        [
            (metadata.pad_left, metadata.pad_top) * pairs,
            (metadata.scale_width, metadata.scale_height) * pairs,
            (crop.offset_x, crop.offset_y) * pairs,
            (size.width, size.height) * pairs,
        ],
        np.float32,
    )
    with np.errstate(over="ignore"):  # beyond all numbers is beyond the edge
        rescaled = coordinates.astype(np.float32, order="C")
        rescaled -= padding
        rescaled /= scale
        if crop.offset_x or crop.offset_y:
            rescaled += offset
    if clamp:
        np.maximum(rescaled, 0, out=rescaled)
        np.minimum(rescaled, edge, out=rescaled)
    return rescaled


def restore_map(
    array: npt.NDArray[Any],
    metadata: PreProcessingMetadata,
    *,
    fill: float,
    interpolation: Literal["linear", "nearest"] = "linear",
) -> npt.NDArray[Any]:
    """Bring a map with a value per pixel (depth, class scores, class ids) to the size of the source image.

    Args:
        array: (height, width) or (height, width, channels), covering the network's input; an array or a tensor. One
            of another size than the input, as networks with a stride give, is resized to it first.
        metadata: how the image was brought there.
        fill: the value where the network saw nothing: outside a static crop, or what a centre crop cut off.
        interpolation: "nearest" for class ids, of any dtype; "linear" for measures and scores, of floating point.
            A pixel's value is that of its centre.

    Returns:
        (source height, source width[, channels]) in a new array or tensor of the dtype of `array`.

    Raises:
        ValueError: the array has other than two or three dimensions, or one of whole numbers is to be interpolated.
    """
    if array.ndim not in (2, 3):
        raise ValueError(f"A map has the shape (height, width) or (height, width, channels), got {tuple(array.shape)}.")
    if is_tensor(array):
        from inference_models.vision.on_device.maps import map_to_source

        return map_to_source(array, metadata, fill=fill, interpolation=interpolation)  # type: ignore[no-any-return]
    resize = {"linear": _resize_linear, "nearest": _resize_nearest}[interpolation]
    covered = _uncovered(resize(array, metadata.inference_size), metadata, fill)
    inside = resize(covered, metadata.size_after_pre_processing)
    size, crop = metadata.original_size, metadata.static_crop_offset
    if inside.shape[:2] == (size.height, size.width):
        return inside.copy() if np.may_share_memory(inside, array) else inside
    restored = np.full((size.height, size.width, *array.shape[2:]), fill, array.dtype)
    rows = slice(crop.offset_y, crop.offset_y + crop.crop_height)
    restored[rows, crop.offset_x : crop.offset_x + crop.crop_width] = inside
    return restored


def _uncovered(array: npt.NDArray[Any], metadata: PreProcessingMetadata, fill: float) -> npt.NDArray[Any]:
    """Return the part of the network's input that shows the resized image, with `fill` where it was cut off."""
    size = metadata.inference_size
    left, top, right, bottom = metadata.pad_left, metadata.pad_top, metadata.pad_right, metadata.pad_bottom
    seen = array[max(top, 0) : size.height - max(bottom, 0), max(left, 0) : size.width - max(right, 0)]
    if min(left, top, right, bottom) >= 0:
        return seen
    whole = np.full((metadata.resized.height, metadata.resized.width, *array.shape[2:]), fill, array.dtype)
    below, beside = max(-top, 0), max(-left, 0)
    whole[below : below + seen.shape[0], beside : beside + seen.shape[1]] = seen
    return whole


def _resize_linear(array: npt.NDArray[Any], size: ImageDimensions) -> npt.NDArray[Any]:
    if array.shape[:2] == (size.height, size.width):
        return array
    if array.dtype.kind != "f":
        raise ValueError(f'A map of {array.dtype} has no values in between: restore it with interpolation="nearest".')
    resized = np.empty((size.height, size.width, *array.shape[2:]), array.dtype)
    if array.ndim == 2:
        resized[...] = _resized_planes(array, size)
        return resized
    for start in range(0, array.shape[2], _PLANES_AT_ONCE):
        planes = slice(start, start + _PLANES_AT_ONCE)
        resized[..., planes] = _resized_planes(array[..., planes], size).reshape(size.height, size.width, -1)
    return resized


def _resized_planes(planes: npt.NDArray[Any], size: ImageDimensions) -> npt.NDArray[Any]:
    """Return the planes resized, in float32 if they were of half precision, which OpenCV does not know."""
    cv2 = opencv()
    known = planes.astype(np.float32) if planes.dtype == np.float16 else planes
    resized: npt.NDArray[Any] = cv2.resize(known, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return resized


def _resize_nearest(array: npt.NDArray[Any], size: ImageDimensions) -> npt.NDArray[Any]:
    height, width = array.shape[:2]
    if (height, width) == (size.height, size.width):
        return array
    columns = ((np.arange(size.width) + 0.5) * (width / size.width)).astype(np.intp)
    rows = ((np.arange(size.height) + 0.5) * (height / size.height)).astype(np.intp)
    resized: npt.NDArray[Any] = array.take(columns, axis=1).take(rows, axis=0)
    return resized
