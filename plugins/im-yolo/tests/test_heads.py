from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from im_yolo.heads import AnchorFreeHead, DetectionHead, EndToEndHead, ObjectnessHead, SplitHead
from inference_models import CorruptedModelPackageError

# Anchors in rows: centre x, centre y, width, height, score of class 0, score of class 1.
ANCHORS = np.array(
    [
        [10, 20, 4, 6, 0.9, 0.1],
        [50, 50, 10, 10, 0.2, 0.3],
        [30, 30, 8, 8, 0.1, 0.6],
        [np.inf, 30, 8, 8, 0.9, 0.6],
        [30, 30, np.nan, 8, 0.9, 0.6],
        [30, 30, 8, 8, np.nan, 0.9],
    ],
    np.float32,
)
BOXES = np.array([[8, 17, 12, 23], [45, 45, 55, 55], [26, 26, 34, 34], [np.inf, 0, 1, 1], [0, 0, np.nan, 1]])


@pytest.mark.parametrize("output", [ANCHORS[:5].T, ANCHORS[:5]], ids=["channels first", "channels last"])
def test_anchor_free_boxes_are_decoded_either_way_round(output: Any) -> None:
    found = AnchorFreeHead().decode([output], 0.5, 2, 0)
    np.testing.assert_array_equal(found.xyxy, [[8, 17, 12, 23], [26, 26, 34, 34]])
    np.testing.assert_array_equal(found.scores, np.array([0.9, 0.6], np.float32))
    np.testing.assert_array_equal(found.class_ids, [0, 1])
    assert found.extras is None


def test_thresholds_may_differ_by_class() -> None:
    found = AnchorFreeHead().decode([ANCHORS.T], np.array([0.95, 0.2], np.float32), 2, 0)
    np.testing.assert_array_equal(found.class_ids, [1, 1])


@pytest.mark.parametrize(
    ("head", "outputs"),
    [
        (AnchorFreeHead(), [np.zeros((6, 9), np.float32)]),
        (ObjectnessHead(), [np.zeros((9, 7), np.float32)]),
        (EndToEndHead(), [np.zeros((9, 6), np.float32)]),
        (SplitHead(), [np.zeros((9, 4), np.float32), np.zeros((9, 2), np.float32)]),
    ],
)
def test_a_score_of_zero_is_no_box_even_at_a_threshold_of_zero(head: DetectionHead, outputs: Any) -> None:
    found = head.decode(outputs, 0.0, 2, 0)
    assert found.xyxy.shape == (0, 4)
    assert found.xyxy.dtype == found.scores.dtype == np.float32
    assert found.extras is None


def test_objectness_decides_and_is_no_class() -> None:
    """The peer's segmentation takes objectness for class 0 and every class id is one too high."""
    rows = [[10, 20, 4, 6, 0.9, 0.1, 0.3], [50, 50, 10, 10, 0.2, 0.9, 0.9], [30, 30, 8, 8, 0.6, 0.8, np.nan]]
    output = np.array(rows, np.float32)
    found = ObjectnessHead().decode([output], 0.5, 2, 0)
    np.testing.assert_array_equal(found.xyxy, [[8, 17, 12, 23]])
    np.testing.assert_array_equal(found.class_ids, [1])
    np.testing.assert_array_equal(found.scores, np.array([0.3], np.float32))
    by_class = ObjectnessHead().decode([output[:2]], np.array([0.1, 0.95], np.float32), 2, 0)
    np.testing.assert_array_equal(by_class.class_ids, [0])


def test_rows_of_an_end_to_end_network_are_taken_as_they_are() -> None:
    rows = [[8, 17, 12, 23, 0.9, 1, 7], [0, 0, 0, 0, 0, 0, 0], [0, np.nan, 1, 1, 0.9, 0, 0], [1, 2, 3, 4, 0.5, 0, 8]]
    found = EndToEndHead().decode([np.array(rows, np.float32)], 0.0, 2, 1)
    np.testing.assert_array_equal(found.xyxy, [[8, 17, 12, 23], [1, 2, 3, 4]])
    np.testing.assert_array_equal(found.class_ids, [1, 0])
    np.testing.assert_array_equal(found.extras, np.array([[7], [8]], np.float32))


@pytest.mark.parametrize("class_id", [2, -1, 0.5, 1e30])
def test_an_end_to_end_network_may_only_name_classes_there_are(class_id: float) -> None:
    row = np.array([[8, 17, 12, 23, 0.9, class_id]], np.float32)
    with pytest.raises(CorruptedModelPackageError, match="expected a whole number below 2"):
        EndToEndHead().decode([row], 0.5, 2, 0)
    assert len(EndToEndHead().decode([row], 0.95, 2, 0).xyxy) == 0


def test_boxes_and_scores_may_come_apart() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.3], [0.1, 0.6], [0.9, 0.9], [0.9, 0.9]], np.float32)
    found = SplitHead().decode([BOXES.astype(np.float32), scores], 0.5, 2, 0)
    np.testing.assert_array_equal(found.xyxy, BOXES[[0, 2]])
    np.testing.assert_array_equal(found.class_ids, [0, 1])


def test_columns_after_the_classes_come_along() -> None:
    extras = np.arange(18, dtype=np.float32).reshape(6, 3)
    found = AnchorFreeHead().decode([np.concatenate([ANCHORS, extras], axis=1).T], 0.5, 2, 3)
    np.testing.assert_array_equal(found.extras, extras[[0, 2]])
    with_objectness = np.insert(np.concatenate([ANCHORS[:3], extras[:3]], axis=1), 4, 0.9, axis=1)
    np.testing.assert_array_equal(ObjectnessHead().decode([with_objectness], 0.5, 2, 3).extras, extras[:3])


@pytest.mark.parametrize(
    ("head", "shapes"),
    [
        (AnchorFreeHead(), [(1, 6, 8400)]),
        (AnchorFreeHead(), [(1, 8400, 6)]),
        (AnchorFreeHead(), [(None, 6, None)]),
        (AnchorFreeHead(), [(None, None, None)]),
        (ObjectnessHead(), [(1, 25200, 7)]),
        (ObjectnessHead(), [(1, 7, 25200)]),
        (EndToEndHead(), [(1, 300, 6)]),
        (EndToEndHead(), [(None, None, 6)]),
        (SplitHead(), [(1, 8400, 4), (1, 8400, 2)]),
        (SplitHead(), [(None, None, 4), (None, 8400, 2)]),
    ],
)
def test_an_output_that_fits_is_accepted(head: DetectionHead, shapes: Any) -> None:
    assert head.fits(shapes, 2, 0)


@pytest.mark.parametrize(
    ("head", "shapes"),
    [
        (AnchorFreeHead(), [(1, 84, 8400)]),
        (AnchorFreeHead(), [(1, 6)]),
        (AnchorFreeHead(), [(1, 300, 7)]),
        (ObjectnessHead(), [(1, 25200, 6)]),
        (ObjectnessHead(), [(1, 3, 80, 80, 7)]),
        (EndToEndHead(), [(1, 6, 8400)]),
        (EndToEndHead(), [(100, 7)]),
        (SplitHead(), [(1, 8400, 2), (1, 8400, 4)]),
        (SplitHead(), [(1, 8400, 4), (1, 300, 2)]),
    ],
)
def test_an_output_that_does_not_fit_is_not(head: DetectionHead, shapes: Any) -> None:
    assert not head.fits(shapes, 2, 0)
    assert head.expected(2, 0).startswith("(batch, ")
