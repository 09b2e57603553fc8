from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.vision import non_maximum_suppression

Floats = npt.NDArray[np.float32]


def reference(
    boxes: Floats,
    scores: Floats,
    class_ids: npt.NDArray[np.int64],
    *,
    iou_threshold: float,
    max_detections: int,
    class_agnostic: bool,
) -> list[int]:
    """Walk over the boxes as the definition says, one pair at a time, in Python's own float64."""
    kept: list[int] = []
    candidates = [index for index, score in enumerate(scores.tolist()) if not math.isnan(score)]
    for index in sorted(candidates, key=lambda index: (-scores[index].item(), index)):
        rivals = [other for other in kept if class_agnostic or class_ids[other] == class_ids[index]]
        if all(overlap(boxes[index].tolist(), boxes[other].tolist()) <= iou_threshold for other in rivals):
            kept.append(index)
    return kept[:max_detections]


def overlap(a: list[float], b: list[float]) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    areas = [max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) for box in (a, b)]
    union = areas[0] + areas[1] - width * height
    return width * height / union if union > 0 else 0.0


def random_boxes(count: int, seed: int, spread: float = 500.0) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, spread, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 120, (count, 2))], axis=1).astype(np.float32)
    return boxes, rng.uniform(0, 1, count).astype(np.float32), rng.integers(0, 5, count)


# Few distinct values: ties, identical boxes, boxes without area and inside-out boxes come up all the time.
COORDINATE = st.one_of(st.integers(-3, 6).map(float), st.floats(-1e4, 1e4, width=32))
SCORE = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0]), st.floats(0, 1, width=32), st.just(float("nan")))
ROW = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE, SCORE, st.integers(0, 2))


@settings(deadline=None, max_examples=300)
@given(
    rows=st.lists(ROW, max_size=40),
    iou_threshold=st.one_of(st.sampled_from([0.0, 1 / 3, 0.5, 1.0]), st.floats(0, 1)),
    max_detections=st.integers(1, 40),
    class_agnostic=st.booleans(),
)
def test_it_keeps_what_the_definition_keeps(
    rows: list[tuple[float, ...]], iou_threshold: float, max_detections: int, class_agnostic: bool
) -> None:
    table = np.array(rows, np.float64).reshape(-1, 6)
    found = table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(int)
    how: Any = {"iou_threshold": iou_threshold, "max_detections": max_detections, "class_agnostic": class_agnostic}
    assert non_maximum_suppression(*found, **how).tolist() == reference(*found, **how)


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 128, 700])
@pytest.mark.parametrize("class_agnostic", [False, True])
@pytest.mark.parametrize("max_detections", [50, 100_000])
def test_any_number_of_boxes(count: int, class_agnostic: bool, max_detections: int) -> None:
    found = random_boxes(count, seed=count)
    how: Any = {"iou_threshold": 0.3, "max_detections": max_detections, "class_agnostic": class_agnostic}
    assert non_maximum_suppression(*found, **how).tolist() == reference(*found, **how)


def test_thousands_of_boxes_agree_with_opencv() -> None:
    boxes, scores, class_ids = random_boxes(5000, seed=3, spread=3000.0)
    kept = non_maximum_suppression(boxes, scores, class_ids, iou_threshold=0.45, max_detections=100_000)
    left_top_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)
    expected = cv2.dnn.NMSBoxesBatched(left_top_size.tolist(), scores.tolist(), class_ids.tolist(), 0.0, 0.45)
    assert sorted(kept.tolist()) == sorted(np.asarray(expected).ravel().tolist())


def test_a_long_chain_of_boxes_each_dropping_the_next() -> None:
    left = np.arange(400, dtype=np.float32) * 2
    boxes = np.stack([left, np.zeros(400), left + 10, np.full(400, 10)], axis=1).astype(np.float32)
    scores = np.linspace(1, 0.5, 400, dtype=np.float32)
    kept = non_maximum_suppression(boxes, scores, np.zeros(400, int), iou_threshold=0.5, max_detections=1000)
    assert kept.tolist() == list(range(0, 400, 2))  # neighbours overlap by 8/12, those after them by 6/14


def test_of_equal_scores_the_lower_index_comes_first_in_any_number() -> None:
    boxes = np.tile(np.array([[0, 0, 10, 10], [100, 0, 110, 10]], np.float32), (200, 1))
    kept = non_maximum_suppression(
        boxes, np.full(400, 0.5, np.float32), np.zeros(400, int), iou_threshold=0.5, max_detections=10
    )
    assert kept.tolist() == [0, 1]


def test_an_overlap_equal_to_the_threshold_is_kept() -> None:
    boxes = np.array([[0, 0, 2, 1], [0, 0, 1, 1]], np.float32)  # exactly 1/2
    scores, class_ids = np.array([0.9, 0.8], np.float32), np.zeros(2, int)
    for threshold, expected in [(0.5, [0, 1]), (np.nextafter(0.5, 0), [0])]:
        kept = non_maximum_suppression(boxes, scores, class_ids, iou_threshold=threshold, max_detections=10)
        assert kept.tolist() == expected


def test_far_classes_do_not_blur_small_overlaps() -> None:
    """The usual trick of moving each class far away loses precision with many classes; this must not."""
    boxes = np.array([[0, 0, 1, 1], [0.4, 0, 1.4, 1], [0.4, 0, 1.4, 1]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    class_ids = np.array([9_999_999, 9_999_999, 1])
    kept = non_maximum_suppression(boxes, scores, class_ids, iou_threshold=0.42, max_detections=10)
    assert kept.tolist() == [0, 2]


@pytest.mark.parametrize("classes", [1, 2, 10, 80, 400])
@pytest.mark.parametrize("max_detections", [3, 100_000])
def test_any_number_of_classes(classes: int, max_detections: int) -> None:
    boxes, scores, _ = random_boxes(400, seed=classes, spread=60)
    class_ids = np.random.default_rng(classes).integers(0, classes, 400)
    scores[::7] = 0.5
    how: Any = {"iou_threshold": 0.3, "max_detections": max_detections, "class_agnostic": False}
    expected = reference(boxes, scores, class_ids, **how)
    assert non_maximum_suppression(boxes, scores, class_ids, **how).tolist() == expected


@pytest.mark.parametrize("classes", [1, 3, 80])
@pytest.mark.parametrize("count", [300, 1500, 2500])
@pytest.mark.parametrize("size", [20, 120, 900])
def test_few_and_many_pairs_give_the_same(classes: int, count: int, size: int) -> None:
    rng = np.random.default_rng(count + size)
    corner = rng.uniform(0, 600, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, size, (count, 2))], axis=1).round(1).astype(np.float32)
    scores, class_ids = rng.uniform(0, 1, count).round(2).astype(np.float32), rng.integers(0, classes, count)
    how: Any = {"iou_threshold": 0.3, "max_detections": count}
    paths = [non_maximum_suppression(boxes, scores, class_ids, **how).tolist()]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_MOST_PAIRS", "_MOST_BOXES"):
            patch.setattr(f"inference_models.vision.nms.{name}", -1)
            paths.append(non_maximum_suppression(boxes, scores, class_ids, **how).tolist())
    assert paths[0] == paths[1] == paths[2]


@pytest.mark.parametrize("falling", [True, False])
def test_a_long_chain_in_which_each_box_overlaps_the_next(falling: bool) -> None:
    left = np.arange(1000, dtype=np.float32) * 6
    boxes = np.stack([left, left * 0, left + 10, left * 0 + 10], axis=1)
    scores = np.linspace(1, 0.5, 1000, dtype=np.float32)[:: 1 if falling else -1]
    kept = non_maximum_suppression(boxes, scores, np.zeros(1000, int), iou_threshold=0.2, max_detections=1000)
    assert sorted(kept.tolist()) == list(range(0 if falling else 1, 1000, 2))
