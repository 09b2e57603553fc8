from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from attrs import evolve

from inference_models.vision import (
    ImageDimensions,
    PreProcessingMetadata,
    StaticCropOffset,
    rescale_boxes,
    rescale_points,
    restore_map,
)

# A crop of 20 x 16 pixels at (5, 3) of an image of 40 x 30 was doubled and put in an input of 48 x 48.
LETTERBOXED_CROP = PreProcessingMetadata(
    pad_left=4,
    pad_top=8,
    pad_right=4,
    pad_bottom=8,
    original_size=ImageDimensions(30, 40),
    size_after_pre_processing=ImageDimensions(16, 20),
    inference_size=ImageDimensions(48, 48),
    scale_width=2.0,
    scale_height=2.0,
    static_crop_offset=StaticCropOffset(5, 3, 20, 16),
)
# An image of 12 x 6, of which the middle 8 columns are in an input of 8 x 8.
CENTER_CROP = PreProcessingMetadata(
    pad_left=-2,
    pad_top=1,
    pad_right=-2,
    pad_bottom=1,
    original_size=ImageDimensions(6, 12),
    size_after_pre_processing=ImageDimensions(6, 12),
    inference_size=ImageDimensions(8, 8),
    scale_width=1.0,
    scale_height=1.0,
    static_crop_offset=StaticCropOffset(0, 0, 12, 6),
)


def test_points_go_back_the_way_boxes_do() -> None:
    points = np.array([[[4.0, 8.0], [24.0, 24.0]], [[44.0, 40.0], [5.0, 9.0]]])
    before = points.copy()
    found = rescale_points(points, LETTERBOXED_CROP)
    np.testing.assert_array_equal(found, [[[5, 3], [15, 11]], [[25, 19], [5.5, 3.5]]])
    np.testing.assert_array_equal(points, before)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(rescale_boxes(points.reshape(2, 4), LETTERBOXED_CROP), found.reshape(2, 4))


def test_points_outside_stay_outside_unless_asked() -> None:
    points = np.array([[[-20.0, 100.0], [np.nan, 8.0]]], np.float32)
    np.testing.assert_array_equal(rescale_points(points, LETTERBOXED_CROP), [[[-7, 49], [np.nan, 3]]])
    np.testing.assert_array_equal(rescale_points(points, LETTERBOXED_CROP, clamp=True), [[[0, 30], [np.nan, 3]]])


@pytest.mark.filterwarnings("error")
def test_coordinates_beyond_all_numbers_are_clamped_without_a_warning() -> None:
    boxes = np.array([[-3e38, -3e38, 3e38, 3e38]], np.float32)
    shrunk = evolve(LETTERBOXED_CROP, scale_width=0.5, scale_height=0.25)
    np.testing.assert_array_equal(rescale_boxes(boxes, shrunk), [[0, 0, 40, 30]])
    np.testing.assert_array_equal(
        rescale_boxes(np.array([[-1e300, 0, 1e300, 1e39]]), shrunk)[0, [0, 2, 3]], [0, 40, 30]
    )


def test_no_points_are_no_points() -> None:
    assert rescale_points(np.zeros((0, 17, 2), np.float32), LETTERBOXED_CROP).shape == (0, 17, 2)


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_map_goes_back_to_the_source(interpolation: Literal["linear", "nearest"], dtype: Any) -> None:
    """A map that holds its own source coordinates must hold them after the way back too."""
    x = (np.arange(48) + 0.5 - 4) / 2 + 5
    y = (np.arange(48) + 0.5 - 8) / 2 + 3
    array = np.stack(np.meshgrid(x, y), axis=2).astype(dtype)
    found = restore_map(array, LETTERBOXED_CROP, fill=-1, interpolation=interpolation)
    assert found.dtype == dtype
    assert found.shape == (30, 40, 2)
    inside = found[3:19, 5:25].astype(np.float64)
    expected = np.stack(np.meshgrid(np.arange(5, 25) + 0.5, np.arange(3, 19) + 0.5), axis=2)
    np.testing.assert_allclose(inside, expected, atol=0.01 if interpolation == "linear" else 0.26)
    outside = found.copy()
    outside[3:19, 5:25] = -1
    assert (outside == -1).all()


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.int64, np.float16])
def test_class_ids_of_any_dtype_are_never_mixed(dtype: Any) -> None:
    array = np.zeros((48, 48), dtype)
    array[8:40, 4:24] = 1
    found = restore_map(array, LETTERBOXED_CROP, fill=0, interpolation="nearest")
    assert found.dtype == dtype
    expected = np.zeros((30, 40))
    expected[3:19, 5:15] = 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("length", "source"), [(5, 8), (8, 5), (3, 7), (48, 31)])
def test_the_nearest_value_is_that_of_the_pixel_in_which_the_centre_lies(length: int, source: int) -> None:
    stretched = evolve(
        CENTER_CROP,
        pad_left=0,
        pad_top=0,
        pad_right=0,
        pad_bottom=0,
        original_size=ImageDimensions(source, source),
        size_after_pre_processing=ImageDimensions(source, source),
        inference_size=ImageDimensions(length, length),
    )
    ids = np.arange(length * length, dtype=np.int64).reshape(length, length)
    found = restore_map(ids, stretched, fill=0, interpolation="nearest")
    nearest = [int((2 * pixel + 1) * length // (2 * source)) for pixel in range(source)]
    np.testing.assert_array_equal(found, ids[np.ix_(nearest, nearest)])


def test_what_a_centre_crop_cut_off_is_filled() -> None:
    array = np.arange(64, dtype=np.float32).reshape(8, 8)
    found = restore_map(array, CENTER_CROP, fill=np.nan)
    assert found.shape == (6, 12)
    np.testing.assert_array_equal(found[:, 2:10], array[1:7])
    assert np.isnan(found[:, [0, 1, 10, 11]]).all()


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_a_map_with_a_stride_is_resized_first(interpolation: Literal["linear", "nearest"]) -> None:
    whole, quarter = np.full((48, 48, 1), 7, np.float32), np.full((12, 12, 1), 7, np.float32)
    expected = restore_map(whole, LETTERBOXED_CROP, fill=0, interpolation=interpolation)
    found = restore_map(quarter, LETTERBOXED_CROP, fill=0, interpolation=interpolation)
    assert found.shape == (30, 40, 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 80, 150, 600])
def test_any_number_of_channels_is_taken(channels: int) -> None:
    array = np.broadcast_to(np.arange(channels, dtype=np.float32), (12, 12, channels)).copy()
    found = restore_map(array, LETTERBOXED_CROP, fill=0)
    np.testing.assert_allclose(found[3:19, 5:25], np.broadcast_to(np.arange(channels), (16, 20, channels)), rtol=1e-5)


def test_the_map_returned_is_new() -> None:
    array = np.zeros((8, 8), np.float32)
    same = PreProcessingMetadata(
        pad_left=0,
        pad_top=0,
        pad_right=0,
        pad_bottom=0,
        original_size=ImageDimensions(8, 8),
        size_after_pre_processing=ImageDimensions(8, 8),
        inference_size=ImageDimensions(8, 8),
        scale_width=1.0,
        scale_height=1.0,
        static_crop_offset=StaticCropOffset(0, 0, 8, 8),
    )
    assert not np.shares_memory(restore_map(array, same, fill=0), array)


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(1, 48, 48, 3\)"):
        restore_map(np.zeros((1, 48, 48, 3)), LETTERBOXED_CROP, fill=0)
    with pytest.raises(ValueError, match=r"A map of uint8 has no values in between"):
        restore_map(np.zeros((48, 48), np.uint8), LETTERBOXED_CROP, fill=0)
