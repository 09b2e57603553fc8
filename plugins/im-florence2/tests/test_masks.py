from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im_florence2.answers import Located
from im_florence2.images import untouched
from im_florence2.masks import fill, run_lengths
from im_florence2.results import as_instances
from inference_models import InstancesRLEMasks
from inference_models.developer_tools import ImageDimensions

POINTS = st.lists(st.tuples(st.floats(-5, 25, width=32), st.floats(-5, 20, width=32)), min_size=3, max_size=8).map(
    lambda points: np.array(points, np.float32)
)


def mask_of(outlines: list[np.ndarray], height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), np.bool_)
    fill(mask, outlines)
    return mask


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


@given(st.lists(POINTS, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_run_lengths_are_those_of_the_mask(outlines: list[np.ndarray]) -> None:
    encoded = InstancesRLEMasks((15, 20), [run_lengths(outlines, 15, 20)])
    dense = mask_of(outlines, 15, 20)
    assert encoded == InstancesRLEMasks.from_dense(dense[np.newaxis])
    np.testing.assert_array_equal(encoded.to_dense()[0], dense)


def test_run_lengths_of_whole_columns_go_on_from_one_to_the_next() -> None:
    whole = np.array([[0, 0], [4, 0], [4, 3], [0, 3]], np.float32)
    assert run_lengths([whole], 3, 4) == [0, 12]
    assert run_lengths([whole + np.float32([1, 0])], 3, 6) == [3, 12, 3]
    assert run_lengths([whole - 20], 3, 4) == [12]


def test_encoded_masks_take_the_memory_of_their_things_only() -> None:
    size = ImageDimensions(height=2160, width=3840)
    corners = [(10 + 9 * number, 5 + 8 * number) for number in range(100)]
    things = [Located("", ((x, y, x + 30, y, x, y + 40),)) for x, y in corners]
    tracemalloc.start()
    encoded = as_instances(things, untouched(size), None, "rle").mask
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size.height * size.width / 4, "of one dense mask"
    dense = as_instances(things[:2], untouched(size), None, "dense").mask
    assert (encoded[:2].to_dense() == dense).all()
    assert dense.any(axis=(1, 2)).all()


def test_no_masks() -> None:
    found = as_instances([], untouched(ImageDimensions(height=5, width=4)), None, "rle")
    assert (found.mask.image_size, len(found.mask.masks)) == ((5, 4), 0)
