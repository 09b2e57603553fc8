"""Candidates, boxes and points on a device, against the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attrs import evolve

from inference_models.vision import (
    Candidates,
    ImageDimensions,
    PreProcessingMetadata,
    StaticCropOffset,
    cxcywh_to_xyxy,
    rescale_boxes,
    rescale_points,
    select_candidates,
)
from inference_models.vision.geometry import center_crop, letterbox, stretch

torch = pytest.importorskip("torch")

METADATA = [
    placed(ImageDimensions(357, 611), ImageDimensions(320, 320)) for placed in (letterbox, stretch, center_crop)
]
METADATA.append(
    evolve(METADATA[0], original_size=ImageDimensions(500, 700), static_crop_offset=StaticCropOffset(40, 30, 611, 357))
)


def tensor(array: Any, device: str) -> Any:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


@pytest.mark.parametrize("thresholds", [0.5, np.array([0.2, 0.5, 0.9, 0.0], np.float32)])
def test_candidates_are_the_hosts(thresholds: Any, device: str) -> None:
    scores = np.random.default_rng(0).uniform(0, 1, (4, 1000)).round(1).astype(np.float32)  # full of ties
    scores[2, 17], scores[:, 18] = np.nan, -np.inf
    expected = select_candidates(scores, thresholds)
    given = thresholds if isinstance(thresholds, float) else tensor(thresholds, device)
    found: Any = select_candidates(tensor(scores, device), given)
    assert len(expected.anchors) > 100
    for name in Candidates.__attrs_attrs__:
        np.testing.assert_array_equal(getattr(found, name.name).cpu().numpy(), getattr(expected, name.name))


def test_a_score_equal_to_the_threshold_is_none(device: str) -> None:
    scores = tensor(np.array([[0.4, 0.41, 0.39]], np.float32), device)
    assert select_candidates(scores, 0.4).anchors.tolist() == [1]


def test_corners_are_the_hosts(device: str) -> None:
    boxes = np.random.default_rng(1).uniform(0, 640, (50, 4)).astype(np.float32)
    found: Any = cxcywh_to_xyxy(tensor(boxes, device))
    np.testing.assert_array_equal(found.cpu().numpy(), cxcywh_to_xyxy(boxes))


@pytest.mark.parametrize("metadata", METADATA)
def test_boxes_and_points_go_back_to_the_source(metadata: PreProcessingMetadata, device: str) -> None:
    rng = np.random.default_rng(2)
    boxes, points = rng.uniform(-50, 400, (40, 4)).astype(np.float32), rng.uniform(-50, 400, (5, 17, 2))
    given = tensor(boxes, device)
    found: Any = rescale_boxes(given, metadata)
    np.testing.assert_allclose(found.cpu().numpy(), rescale_boxes(boxes, metadata), rtol=1e-6, atol=1e-4)
    np.testing.assert_array_equal(given.cpu().numpy(), boxes)  # not changed in place
    for clamp in (False, True):
        there: Any = rescale_points(tensor(points, device), metadata, clamp=clamp)
        assert there.dtype is torch.float32
        expected = rescale_points(points, metadata, clamp=clamp)
        np.testing.assert_allclose(there.cpu().numpy(), expected, rtol=1e-6, atol=1e-4)


def test_no_boxes_and_half_precision_work(device: str) -> None:
    assert rescale_boxes(torch.zeros((0, 4), device=device), METADATA[0]).shape == (0, 4)
    halves = tensor(np.array([[1.0, 2.0, 30.0, 40.0]], np.float16), device)
    assert rescale_boxes(halves, METADATA[0]).dtype is torch.float32
    assert select_candidates(torch.zeros((3, 0), device=device), 0.5).anchors.shape == (0,)
