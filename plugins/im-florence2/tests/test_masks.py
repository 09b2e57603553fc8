from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im_florence2.answers import Located
from im_florence2.images import untouched
from im_florence2.masks import mask_of
from im_florence2.results import as_instances
from inference_models.developer_tools import ImageDimensions

POINTS = st.lists(st.tuples(st.floats(-5, 25, width=32), st.floats(-5, 20, width=32)), min_size=3, max_size=8).map(
    lambda points: np.array(points, np.float32)
)


def inside(x: float, y: float, outline: np.ndarray) -> bool:
    """Say whether a ray from a point to the left crosses an outline an odd number of times."""
    odd = False
    points = outline.astype(np.float64)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x:
            odd = not odd
    return odd


@given(POINTS)
@settings(max_examples=200, deadline=None)
def test_a_pixel_is_in_the_mask_when_its_centre_is_inside(outline: np.ndarray) -> None:
    mask = mask_of([outline], 15, 20)
    expected = [[inside(column + 0.5, row + 0.5, outline) for column in range(20)] for row in range(15)]
    np.testing.assert_array_equal(mask, expected)


def test_a_square_covers_its_pixels() -> None:
    mask = mask_of([np.array([[2, 3], [6, 3], [6, 8], [2, 8]], np.float32)], 10, 10)
    assert mask[3:8, 2:6].all()
    assert mask.sum() == 20


def test_several_outlines_are_one_mask() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], np.float32)
    assert mask_of([square, square + 2, square], 10, 10).sum() == 16 + 16 - 4


@pytest.mark.parametrize("outline", [[[1, 1]] * 3, [[1, 1], [5, 1], [9, 1]], [[-9, -9], [-5, -9], [-7, -2]]])
def test_an_outline_without_area_or_outside(outline: list[list[float]]) -> None:
    assert not mask_of([np.array(outline, np.float32)], 10, 10).any()
    assert not mask_of([], 10, 10).any()


def test_encoded_masks_are_made_one_by_one() -> None:
    size = ImageDimensions(height=500, width=400)
    things = [Located("", ((10, 10, 900, 10 + number, 500, 900),)) for number in range(50)]
    dense = as_instances(things, untouched(size), None, "dense").mask
    tracemalloc.start()
    encoded = as_instances(things, untouched(size), None, "rle").mask
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (encoded.to_dense() == dense).all()
    assert peak < dense.nbytes / 2


def test_no_masks() -> None:
    found = as_instances([], untouched(ImageDimensions(height=5, width=4)), None, "rle")
    assert (found.mask.image_size, len(found.mask.masks)) == ((5, 4), 0)
