from __future__ import annotations

import numpy as np
import pytest

from im_yolo.heads import AnchorFreeHead
from inference_models import CorruptedModelPackageError

# Anchors in columns: centre x, centre y, width, height, score of class 0, score of class 1.
OUTPUT = np.array(
    [
        [10, 20, 4, 6, 0.9, 0.1],
        [50, 50, 10, 10, 0.2, 0.3],
        [30, 30, 8, 8, 0.1, 0.6],
        [np.inf, 30, 8, 8, 0.9, 0.6],
        [30, 30, np.nan, 8, 0.9, 0.6],
    ],
    np.float32,
).T


def test_boxes_above_the_threshold_are_decoded() -> None:
    found = AnchorFreeHead().decode(OUTPUT, 0.5)
    np.testing.assert_array_equal(found.xyxy, [[8, 17, 12, 23], [26, 26, 34, 34]])
    np.testing.assert_array_equal(found.scores, np.array([0.9, 0.6], np.float32))
    np.testing.assert_array_equal(found.class_ids, [0, 1])


def test_thresholds_may_differ_by_class() -> None:
    found = AnchorFreeHead().decode(OUTPUT, np.array([0.95, 0.2], np.float32))
    np.testing.assert_array_equal(found.class_ids, [1, 1])


def test_nothing_above_the_threshold_is_no_boxes() -> None:
    found = AnchorFreeHead().decode(OUTPUT, 0.99)
    assert found.xyxy.shape == (0, 4)
    assert found.xyxy.dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 6, 8400), (None, 6, None), (None, None, None)])
def test_an_output_that_fits_is_accepted(shape: tuple[int | None, ...]) -> None:
    AnchorFreeHead().check(shape, classes=2)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 84, 8400), r"shape \(1, 84, 8400\), which is 80 classes, expected \(batch, 6, anchors\)"),
        ((1, 8400, 6), "The axes are the other way round"),
        ((None, 7, None), r"shape \(\?, 7, \?\), which is 3 classes"),
        ((1, 6), r"shape \(1, 6\), expected \(batch, 6, anchors\)"),
    ],
)
def test_an_output_that_does_not_fit_is_refused(shape: tuple[int | None, ...], expected: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=expected):
        AnchorFreeHead().check(shape, classes=2)
