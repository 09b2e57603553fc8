from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_models.vision import ImageDimensions, StaticCropOffset, rescale_boxes
from inference_models.vision.geometry import GEOMETRIES, letterbox, stretch

SIZES = st.builds(ImageDimensions, st.integers(1, 5000), st.integers(1, 5000))
TARGETS = st.builds(ImageDimensions, st.integers(1, 1300), st.integers(1, 1300))
UNIT = st.floats(0, 1)


@pytest.mark.parametrize(
    ("image", "target", "left_top_right_bottom", "resized"),
    [
        ((1080, 1920), (640, 640), (0, 140, 0, 140), (360, 640)),
        ((1920, 1080), (640, 640), (140, 0, 140, 0), (640, 360)),
        ((333, 500), (640, 640), (0, 107, 0, 107), (426, 640)),
        ((427, 640), (640, 640), (0, 106, 0, 107), (427, 640)),
        ((640, 640), (640, 640), (0, 0, 0, 0), (640, 640)),
        ((480, 640), (320, 320), (0, 40, 0, 40), (240, 320)),
        ((1, 5000), (640, 640), (0, 319, 0, 320), (1, 640)),
    ],
)
def test_letterbox_centres_and_leaves_odd_rests_right_and_below(
    image: tuple[int, int], target: tuple[int, int], left_top_right_bottom: tuple[int, ...], resized: tuple[int, int]
) -> None:
    found = letterbox(ImageDimensions(*image), ImageDimensions(*target))
    assert (found.pad_left, found.pad_top, found.pad_right, found.pad_bottom) == left_top_right_bottom
    assert found.resized == ImageDimensions(*resized)
    assert found.original_size == found.size_after_pre_processing == ImageDimensions(*image)
    assert found.inference_size == ImageDimensions(*target)
    assert found.static_crop_offset == StaticCropOffset(0, 0, image[1], image[0])


def test_stretch_scales_each_axis_by_itself() -> None:
    found = stretch(ImageDimensions(100, 400), ImageDimensions(200, 200))
    assert (found.scale_height, found.scale_width) == (2.0, 0.5)
    assert found.resized == ImageDimensions(200, 200)


@given(image=SIZES, target=TARGETS)
def test_letterbox_always_fills_one_axis_up_to_rounding_and_never_overflows(
    image: ImageDimensions, target: ImageDimensions
) -> None:
    found = letterbox(image, target)
    assert 1 <= found.resized.width <= target.width
    assert 1 <= found.resized.height <= target.height
    assert min(target.width - found.resized.width, target.height - found.resized.height) <= 1
    assert min(found.pad_left, found.pad_top, found.pad_right, found.pad_bottom) >= 0


@given(mode=st.sampled_from(sorted(GEOMETRIES)), image=SIZES, target=TARGETS, corners=st.tuples(UNIT, UNIT, UNIT, UNIT))
def test_a_box_comes_back_within_half_a_source_pixel(
    mode: str, image: ImageDimensions, target: ImageDimensions, corners: tuple[float, float, float, float]
) -> None:
    placed = {str(name): locate for name, locate in GEOMETRIES.items()}[mode](image, target)
    (left, right), (top, bottom) = sorted(corners[:2]), sorted(corners[2:])
    source = np.array([[left, top, right, bottom]]) * ([image.width, image.height] * 2)
    # Where the corners really land: the resized picture spans whole pixels of the input, from pad to pad.
    scale = np.array([placed.resized.width / image.width, placed.resized.height / image.height] * 2)
    there = source * scale + np.array([placed.pad_left, placed.pad_top] * 2)
    back = rescale_boxes(there.astype(np.float32), placed)
    assert np.abs(back - source).max() <= 0.5
