from __future__ import annotations

import numpy as np
import pytest

from inference_models.vision import select_candidates


def test_the_best_class_of_each_anchor_above_the_threshold() -> None:
    scores = np.array([[0.1, 0.9, 0.3, 0.5], [0.6, 0.2, 0.3, 0.5]], np.float32)
    found = select_candidates(scores, 0.4)
    assert found.anchors.tolist() == [0, 1, 3]
    assert found.class_ids.tolist() == [1, 0, 0]  # of equal scores the lower class
    np.testing.assert_array_equal(found.scores, np.array([0.6, 0.9, 0.5], np.float32))


@pytest.mark.parametrize("score", [0.0, 0.1, 0.4, 0.7, 1.0])
def test_a_score_equal_to_the_threshold_does_not_pass(score: float) -> None:
    """A network's 0.4 is a float32 a little above Python's 0.4; to users they are equal."""
    scores = np.array([[score]], np.float32)
    assert len(select_candidates(scores, score).anchors) == 0
    assert len(select_candidates(scores, np.array([score], np.float32)).anchors) == 0


def test_a_threshold_for_each_class() -> None:
    scores = np.array([[0.5, 0.5, 0.1], [0.4, 0.6, 0.3]], np.float32)
    found = select_candidates(scores, np.array([0.45, 0.7], np.float32))
    assert found.anchors.tolist() == [0]
    assert found.class_ids.tolist() == [0]


def test_undefined_scores_do_not_pass() -> None:
    scores = np.array([[np.nan, 0.9], [0.9, 0.1]], np.float32)
    assert select_candidates(scores, 0.0).anchors.tolist() == [1]


def test_nothing_passes() -> None:
    found = select_candidates(np.zeros((3, 5), np.float32), 0.0)
    assert [len(values) for values in (found.anchors, found.class_ids, found.scores)] == [0, 0, 0]
