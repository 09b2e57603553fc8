"""Draw a box in a source image, find it in the network's input, bring it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.vision import (
    ImagePreProcessor,
    InferenceConfig,
    PreProcessingMetadata,
    ResizeMode,
    rescale_boxes,
    rescale_points,
    restore_map,
)
from inference_models.vision.inference_config import (
    DynamicSpatialSizeMode,
    ImagePreProcessing,
    NetworkInput,
    StaticCrop,
    TrainingInputSize,
)

Boxes = npt.NDArray[np.float64]

MODES = st.sampled_from(list(ResizeMode))
EDGES = st.tuples(st.integers(0, 60), st.integers(15, 40))
CROPS = st.one_of(
    st.none(), st.builds(lambda x, y: StaticCrop(True, x[0], x[0] + x[1], y[0], y[0] + y[1]), x=EDGES, y=EDGES)
)
LENGTHS = st.integers(20, 400)
UNIT = st.floats(0, 1)


def make(mode: ResizeMode, crop: StaticCrop | None, size: tuple[int, int], divisor: int = 32) -> ImagePreProcessor:
    network_input = NetworkInput(
        dynamic_spatial_size_supported=True,
        dynamic_spatial_size_mode=DynamicSpatialSizeMode("pad-to-be-divisible", divisor),
        color_mode="rgb",
        resize_mode=mode,
        input_channels=3,
        training_input_size=TrainingInputSize(*size),
        padding_value=0,
        scaling_factor=255,
    )
    return ImagePreProcessor.from_config(InferenceConfig(network_input, ImagePreProcessing(static_crop=crop)))


def visible_part(height: int, width: int, crop: StaticCrop | None, metadata: PreProcessingMetadata) -> Boxes:
    """Return the part of the source that the network sees, from the percents and what a centre crop cuts off."""
    left, top, right, bottom = 0, 0, width, height
    if crop is not None:
        left, right = crop.x_min * width // 100, crop.x_max * width // 100
        top, bottom = crop.y_min * height // 100, crop.y_max * height // 100
    left, top = left + max(-metadata.pad_left, 0), top + max(-metadata.pad_top, 0)
    return np.array([left, top, right - max(-metadata.pad_right, 0), bottom - max(-metadata.pad_bottom, 0)], np.float64)


@settings(max_examples=150, deadline=None)
@given(
    mode=MODES,
    crop=CROPS,
    source=st.tuples(LENGTHS, LENGTHS),
    cut_to=st.tuples(LENGTHS, LENGTHS),
    corners=st.tuples(UNIT, UNIT, UNIT, UNIT),
)
def test_a_drawn_box_is_found_where_the_metadata_says(
    mode: ResizeMode,
    crop: StaticCrop | None,
    source: tuple[int, int],
    cut_to: tuple[int, int],
    corners: tuple[float, float, float, float],
) -> None:
    """Measure a white box in the tensor by its light, and bring what was measured back to the image.

    Images are enlarged here (or cut): shrinking skips pixels, so that light would no longer measure an edge.
    """
    height, width = source
    pre_processor = make(mode, crop, cut_to if mode is ResizeMode.CENTER_CROP else (640, 640))
    [placement] = pre_processor(np.zeros((height, width, 3), np.uint8))[1]
    seen = visible_part(height, width, crop, placement)
    box = drawn_box(seen, corners)
    image = np.zeros((height, width, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    tensor, [metadata] = pre_processor(image)
    assert metadata == placement
    assert (metadata.original_size.height, metadata.original_size.width) == source
    assert tensor.shape[2:] == (metadata.inference_size.height, metadata.inference_size.width)
    measured = bright_box(tensor[0, 0], metadata)
    np.testing.assert_allclose(rescale_boxes(measured[None], metadata)[0], box, atol=0.5)
    back = restore_map(tensor[0, 0], metadata, fill=0) > 0.5
    assert np.abs(np.flatnonzero(back.any(axis=0))[[0, -1]] - [box[0], box[2] - 1]).max() <= 1
    assert np.abs(np.flatnonzero(back.any(axis=1))[[0, -1]] - [box[1], box[3] - 1]).max() <= 1


def drawn_box(seen: Boxes, corners: tuple[float, float, float, float]) -> npt.NDArray[np.int64]:
    """Return whole pixels of the part seen, at least one each way."""
    (left, right), (top, bottom) = sorted(corners[:2]), sorted(corners[2:])
    low, length = seen[:2], seen[2:] - seen[:2]
    first = np.minimum(low + np.floor(np.array([left, top]) * length), seen[2:] - 1)
    last = np.clip(low + np.floor(np.array([right, bottom]) * length), first + 1, seen[2:])
    return np.concatenate([first, last]).astype(np.int64)


def bright_box(plane: npt.NDArray[Any], metadata: PreProcessingMetadata) -> Boxes:
    """Return left, top, right, bottom of the light in the input, without what is mirrored beside the image."""
    inside = np.zeros(plane.shape)
    rows = slice(max(metadata.pad_top, 0), plane.shape[0] - max(metadata.pad_bottom, 0))
    columns = slice(max(metadata.pad_left, 0), plane.shape[1] - max(metadata.pad_right, 0))
    inside[rows, columns] = plane[rows, columns]
    left, right = edges(inside.sum(axis=0))
    top, bottom = edges(inside.sum(axis=1))
    return np.array([left, top, right, bottom])


def edges(profile: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return where a bar of light begins and ends, between pixels: where it is half as bright as at its brightest."""
    bright = np.flatnonzero(profile >= profile.max() / 2)
    return float(bright[0]), float(bright[-1] + 1)


@settings(max_examples=200, deadline=None)
@given(
    mode=MODES,
    crop=CROPS,
    source=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    corners=st.tuples(UNIT, UNIT, UNIT, UNIT),
)
def test_what_went_there_comes_back_at_any_size(
    mode: ResizeMode,
    crop: StaticCrop | None,
    source: tuple[int, int],
    size: tuple[int, int],
    corners: tuple[float, float, float, float],
) -> None:
    height, width = source
    pixel = np.zeros((1, 1, 3), np.uint8)
    tensor, [metadata] = make(mode, crop, size)(np.broadcast_to(pixel, (height, width, 3)))
    assert tensor.shape[2:] == (metadata.inference_size.height, metadata.inference_size.width)
    part = metadata.static_crop_offset
    (left, right), (top, bottom) = sorted(corners[:2]), sorted(corners[2:])
    origin, length = [part.offset_x, part.offset_y] * 2, [part.crop_width, part.crop_height] * 2
    inside = np.array([left, top, right, bottom]) * length
    # Where the corners really land: the resized picture spans whole pixels of the input, from pad to pad.
    scale = np.array([metadata.resized.width, metadata.resized.height] * 2) / length
    there = (inside * scale + [metadata.pad_left, metadata.pad_top] * 2)[None].astype(np.float32)
    assert np.abs(rescale_boxes(there, metadata) - (inside + origin)).max() <= 0.5
    points = rescale_points(there.reshape(1, 2, 2), metadata)
    np.testing.assert_allclose(points.reshape(1, 4), rescale_boxes(there, metadata), atol=1e-2)
