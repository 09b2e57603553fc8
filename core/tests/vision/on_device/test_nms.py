"""Which boxes are kept on a device: the same as on the host, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.vision import non_maximum_suppression
from inference_models.vision.on_device import nms

torch = pytest.importorskip("torch")

# Few distinct values: ties, identical boxes, boxes without area and inside-out boxes come up all the time.
COORDINATE = st.one_of(st.integers(-3, 6).map(float), st.floats(-1e4, 1e4, width=32))
SCORE = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0]), st.floats(0, 1, width=32), st.sampled_from([np.nan, -np.inf, np.inf])
)
ROW = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE, SCORE, st.integers(0, 2))


def check(boxes: Any, scores: Any, class_ids: Any, device: str, **options: Any) -> Any:
    expected = non_maximum_suppression(boxes, scores, class_ids, **options)
    arrays = (torch.from_numpy(array).to(device) for array in (boxes, scores, class_ids))
    found: Any = non_maximum_suppression(*arrays, **options)
    assert found.device.type == torch.device(device).type
    np.testing.assert_array_equal(found.cpu().numpy(), expected)
    return expected


def crowd(count: int, seed: int, spread: float) -> tuple[Any, Any, Any]:
    """Return boxes that overlap each other a lot, with many equal scores."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, spread, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 120, (count, 2))], axis=1).astype(np.float32)
    return boxes, rng.uniform(0, 1, count).round(2).astype(np.float32), rng.integers(0, 5, count)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.lists(ROW, max_size=40),
    iou_threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    max_detections=st.integers(1, 30),
    class_agnostic=st.booleans(),
)
def test_a_few_odd_boxes(
    device: str, rows: list[Any], iou_threshold: float, max_detections: int, class_agnostic: bool
) -> None:
    table = np.array(rows, np.float64).reshape(-1, 6)
    options = {"iou_threshold": iou_threshold, "max_detections": max_detections, "class_agnostic": class_agnostic}
    boxes, scores = table[:, :4].astype(np.float32), table[:, 4].astype(np.float32)
    check(boxes, scores, table[:, 5].astype(np.int64), device, **options)


@pytest.mark.parametrize("class_agnostic", [False, True])
@pytest.mark.parametrize("spread", [100.0, 2000.0])
@pytest.mark.parametrize("count", [1, 900, 5000])
def test_crowds(count: int, spread: float, class_agnostic: bool, device: str) -> None:
    options = {"iou_threshold": 0.5, "max_detections": 300, "class_agnostic": class_agnostic}
    kept = check(*crowd(count, 0, spread), device, **options)
    assert 0 < len(kept) <= 300


def test_what_was_kept_of_several_blocks_drops_boxes_of_later_ones(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(nms, "_BLOCK", 16)
    for seed in range(5):
        boxes, scores, class_ids = crowd(300, seed, 700.0)
        scores[::7] = np.nan
        for limit in (1, 40, 1000):
            check(boxes, scores, class_ids, device, iou_threshold=0.4, max_detections=limit, class_agnostic=False)


def test_a_chain_of_boxes_that_hang_on_each_other(device: str) -> None:
    """Each drops the next if it is kept itself: more rounds than are made before the host asks."""
    left = np.arange(0, 101, dtype=np.float32)[:, None] * 3
    boxes = np.concatenate([left, left * 0, left + 10, left * 0 + 10], axis=1)
    scores = np.linspace(1, 0.1, len(boxes), dtype=np.float32)
    kept = check(boxes, scores, np.zeros(101, np.int64), device, iou_threshold=0.4, max_detections=300)
    assert kept.tolist() == list(range(0, 101, 2))


def test_boxes_that_are_not_numbers_drop_none(device: str) -> None:
    boxes, scores, class_ids = crowd(50, 3, 50.0)
    boxes[5], boxes[9] = np.nan, np.inf
    options: dict[str, Any] = {"iou_threshold": 0.3, "max_detections": 300}
    with np.errstate(invalid="ignore"):
        kept = check(boxes, scores, class_ids, device, **options)
    assert {5, 9} <= set(kept.tolist())


def test_only_answers_are_fetched(watch: Callable[[Any], Any]) -> None:
    boxes, scores, class_ids = (watch(torch.from_numpy(array)) for array in crowd(900, 1, 300.0))
    non_maximum_suppression(boxes, scores, class_ids, iou_threshold=0.5, max_detections=300)
    assert boxes.fetched == []
