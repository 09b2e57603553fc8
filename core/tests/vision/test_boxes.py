from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from inference_models.vision import ImageDimensions, StaticCropOffset, cxcywh_to_xyxy, pairwise_iou, rescale_boxes
from inference_models.vision.geometry import letterbox


def test_centre_and_size_become_corners() -> None:
    boxes = np.array([[10, 20, 4, 6], [0, 0, 0, 0], [-1, 5, 3, 1]], np.float32)
    corners = cxcywh_to_xyxy(boxes)
    np.testing.assert_array_equal(corners, [[8, 17, 12, 23], [0, 0, 0, 0], [-2.5, 4.5, 0.5, 5.5]])
    assert corners.dtype == np.float32
    assert cxcywh_to_xyxy(boxes[:0]).shape == (0, 4)


@pytest.mark.filterwarnings("error")
def test_corners_beyond_all_numbers_are_infinite_without_a_warning() -> None:
    corners = cxcywh_to_xyxy(np.array([[3e38, -3e38, 3e38, 3e38]], np.float32))
    np.testing.assert_array_equal(corners[0, 1:3], [-np.inf, np.inf])


def test_overlaps_of_all_pairs() -> None:
    first = np.array([[0, 0, 2, 2], [10, 10, 12, 12]], np.float32)
    second = np.array([[1, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2]], np.float32)
    np.testing.assert_allclose(pairwise_iou(first, second), [[1 / 7, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert pairwise_iou(first[:0], second).shape == (0, 3)


def test_boxes_without_area_overlap_nothing() -> None:
    flat = np.array([[1, 1, 1, 1], [1, 1, 1, 5], [3, 3, 1, 1]], np.float32)
    assert (pairwise_iou(flat, flat) == 0).all()
    assert (pairwise_iou(flat, np.array([[0, 0, 4, 4]])) == 0).all()


def test_boxes_come_back_unrounded_and_clamped() -> None:
    placed = letterbox(ImageDimensions(height=1080, width=1920), ImageDimensions(640, 640))
    boxes = np.array([[100.3, 200.6, 300.1, 400.9], [-50, 0, 700, 640]], np.float32)
    found = rescale_boxes(boxes, placed)
    np.testing.assert_allclose(found[0], [300.9, 181.8, 900.3, 782.7], atol=1e-3)
    np.testing.assert_array_equal(found[1], [0, 0, 1920, 1080])
    assert found.dtype == np.float32
    assert boxes[1, 0] == -50  # the argument is not changed


def test_a_static_crop_is_undone() -> None:
    placed = evolve(
        letterbox(ImageDimensions(100, 200), ImageDimensions(100, 200)),
        original_size=ImageDimensions(300, 400),
        static_crop_offset=StaticCropOffset(offset_x=30, offset_y=50, crop_width=200, crop_height=100),
    )
    found = rescale_boxes(np.array([[0, 0, 200, 100], [0, 0, 500, 500]]), placed)
    np.testing.assert_array_equal(found, [[30, 50, 230, 150], [30, 50, 400, 300]])


def test_no_boxes_stay_no_boxes() -> None:
    placed = letterbox(ImageDimensions(10, 10), ImageDimensions(10, 10))
    assert rescale_boxes(np.empty((0, 4), np.float32), placed).shape == (0, 4)
