"""The best pairs of query and class, against loops in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im_rfdetr.selection import select
from inference_models.developer_tools import sigmoid

INFINITE = np.float32(np.inf)


def reference(logits, thresholds, count):
    """Rank all pairs by score, then query, then class; take `count`; keep those above their threshold."""
    pairs = [
        (-np.float32(1 / (1 + math.exp(-float(logit)))), query, column)
        for query, row in enumerate(logits)
        for column, logit in enumerate(row)
    ]
    return [(query, column) for score, query, column in sorted(pairs)[:count] if -score > thresholds[column]]


@settings(max_examples=100, deadline=None)
@given(
    queries=st.integers(1, 30),
    classes=st.integers(1, 6),
    levels=st.sampled_from([3, 1000]),
    seed=st.integers(0, 999),
    count=st.integers(1, 40),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.9]),
)
def test_pairs_are_those_of_loops(queries, classes, levels, seed, count, threshold) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.integers(-levels, levels + 1, (queries, classes)) * (4 / levels)).astype(np.float32)
    thresholds = np.where(rng.random(classes) < 0.3, INFINITE, np.float32(threshold))
    pairs = select(logits, thresholds, count)
    found = list(zip(pairs.queries.tolist(), pairs.columns.tolist(), strict=True))
    assert found == reference(logits, thresholds, count)
    np.testing.assert_allclose(pairs.scores, sigmoid(logits)[pairs.queries, pairs.columns], rtol=0)


def test_a_class_that_is_not_shown_takes_its_place_among_the_best() -> None:
    logits = np.array([[5.0, 1.0], [4.0, 3.0]], np.float32)
    pairs = select(logits, np.array([INFINITE, 0.1], np.float32), 2)
    assert len(pairs.queries) == 0
    pairs = select(logits, np.array([INFINITE, 0.1], np.float32), 3)
    assert (pairs.queries.tolist(), pairs.columns.tolist()) == ([1], [1])


@pytest.mark.filterwarnings("error")
def test_extremes_do_not_overflow_and_nan_is_never_found() -> None:
    logits = np.array([[1e30, -1e30, np.nan, np.inf, -np.inf, 0]], np.float32)
    np.testing.assert_array_equal(sigmoid(logits)[0, [0, 1, 3, 4, 5]], [1, 0, 1, 0, 0.5])
    pairs = select(logits, np.zeros(6, np.float32), 6)
    assert pairs.columns.tolist() == [0, 3, 5]


@pytest.mark.filterwarnings("error")
def test_pairs_without_a_box_are_left_out() -> None:
    boxes = np.full((5, 4), 0.5, np.float32)
    pairs = select(np.array([[3.0], [4], [5], [6], [7]], np.float32), np.zeros(1, np.float32), 5)
    assert pairs.with_boxes(boxes) is pairs
    boxes[4, 0], boxes[3, 2], boxes[1, 3], boxes[0, 1] = np.nan, np.inf, -np.inf, -3e38
    assert pairs.with_boxes(boxes).queries.tolist() == [2]
    assert select(np.zeros((0, 1), np.float32), np.zeros(1, np.float32), 5).with_boxes(boxes[:0]).scores.shape == (0,)


def test_half_precision_is_read() -> None:
    assert sigmoid(np.array([[0.0]], np.float16)).dtype == np.float32
