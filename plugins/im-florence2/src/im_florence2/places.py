"""From thousandths of what the network saw to pixels of the source image, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from im_florence2.answers import BINS
from inference_models import InvalidParameterError
from inference_models.developer_tools import PreProcessingMetadata, rescale_boxes, rescale_points

Floats: TypeAlias = npt.NDArray[np.float32]
Region: TypeAlias = Any
"""A box in an image: (4,) left, top, right, bottom in pixels, or all of them in 0 to 1."""

_TOLERANCE = 0.5  # pixels, for boxes that were computed


def boxes_in_source(boxes: Sequence[Sequence[int]], metadata: PreProcessingMetadata) -> Floats:
    """Return boxes (n, 4) in thousandths as pixels of the source image, float32, clamped to it."""
    return rescale_boxes(_in_input(boxes, 4, metadata), metadata)


def points_in_source(numbers: Sequence[int], metadata: PreProcessingMetadata) -> Floats:
    """Return x, y, x, y, ... in thousandths as points (n, 2) in pixels of the source image, clamped to it."""
    return rescale_points(_in_input([numbers], len(numbers), metadata).reshape(-1, 2), metadata, clamp=True)


def _in_input(rows: Sequence[Sequence[int]], length: int, metadata: PreProcessingMetadata) -> Floats:
    """Return rows of x, y, ... in pixels of what the network saw: the middle of each location."""
    size = metadata.inference_size
    numbers = np.asarray(rows, np.float32).reshape(-1, length)
    steps = np.array([size.width / BINS, size.height / BINS] * (length // 2), np.float32)
    return (numbers + np.float32(0.5)) * steps


def read_regions(regions: Region, metadata: Sequence[PreProcessingMetadata]) -> list[str]:
    """Return a region of each image as location tokens.

    Args:
        regions: one box for all images, or one for each: (4,) or (n, 4) left, top, right, bottom, in pixels of the
            source image or, if all lie in 0 to 1, in shares of its width and height.
        metadata: of each image.

    Raises:
        InvalidParameterError: there is no box, one for too few images, one without area or outside its image.
    """
    boxes = _as_boxes(regions)
    if len(boxes) not in (1, len(metadata)):
        raise InvalidParameterError(
            f"`xyxy` holds {len(boxes)} boxes for {len(metadata)} images: give one for all, or one for each."
        )
    if len(boxes) == 1:
        boxes = boxes.repeat(len(metadata), axis=0)
    return [_as_tokens(_checked(box, one), one) for box, one in zip(boxes, metadata, strict=True)]


def _as_boxes(regions: Region) -> npt.NDArray[np.float64]:
    try:
        boxes = np.asarray(regions.tolist() if hasattr(regions, "tolist") else regions, np.float64)
    except (TypeError, ValueError):
        boxes = np.zeros(0)
    if boxes.size == 0 or boxes.ndim not in (1, 2) or boxes.shape[-1] != 4:
        raise InvalidParameterError(
            f"`xyxy` must say which region is meant: left, top, right, bottom, or such a box for each image; got "
            f"{regions!r:.100}."
        )
    return boxes.reshape(-1, 4)


def _checked(box: npt.NDArray[np.float64], metadata: PreProcessingMetadata) -> npt.NDArray[np.float64]:
    """Return a box in source pixels. Raises: InvalidParameterError."""
    size = metadata.original_size
    limits = np.array([size.width, size.height] * 2, np.float64)
    if (box >= 0).all() and (box <= 1).all():
        box = box * limits
    left, top, right, bottom = box
    if not (left < right and top < bottom):  # NaN is neither
        raise InvalidParameterError(f"The region {box.tolist()} has no area: it is left, top, right, bottom.")
    if (box < -_TOLERANCE).any() or (box > limits + _TOLERANCE).any():
        raise InvalidParameterError(
            f"The region {box.tolist()} (left, top, right, bottom) lies outside the image, which is {size.width} "
            f"pixels wide and {size.height} high. Clip it to the image."
        )
    return box


def _as_tokens(box: npt.NDArray[np.float64], metadata: PreProcessingMetadata) -> str:
    """Return a box in source pixels as location tokens of what the network sees of it."""
    crop, size = metadata.static_crop_offset, metadata.inference_size
    offset = np.array([crop.offset_x, crop.offset_y] * 2)
    scale = np.array([metadata.scale_width, metadata.scale_height] * 2)
    padding = np.array([metadata.pad_left, metadata.pad_top] * 2)
    seen = ((box - offset) * scale + padding) / np.array([size.width, size.height] * 2)
    left, top, right, bottom = np.clip(seen, 0, 1)
    if not (left < right and top < bottom):
        raise InvalidParameterError(
            f"The region {box.tolist()} lies in a part of the image that the package's pre-processing cuts off."
        )
    return "".join(f"<loc_{min(math.floor(share * BINS), BINS - 1)}>" for share in (left, top, right, bottom))
