"""Average precision, against cases small enough to work out by hand."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")

TRAINING = Path(__file__).resolve().parents[1] / "training"
if not TRAINING.is_dir():
    pytest.skip("the training code is not part of the sdist", allow_module_level=True)
if str(TRAINING) not in sys.path:
    sys.path.insert(0, str(TRAINING))

ap: Any = importlib.import_module("shapes_training.average_precision")

UNIT = [0.0, 0.0, 10.0, 10.0]
FAR = [50.0, 50.0, 60.0, 60.0]
NOWHERE = [80.0, 80.0, 90.0, 90.0]


def _figures(*pictures: tuple[Any, Any, Any, Any, Any]) -> Any:
    metric = ap.AveragePrecision()
    for picture in pictures:
        metric.add(*picture)
    return metric.compute()


def test_perfect_detections_give_one() -> None:
    figures = _figures(([UNIT, FAR], [0, 1], [0.9, 0.8], [UNIT, FAR], [0, 1]))
    assert figures.map50 == pytest.approx(1.0)
    assert figures.map50_95 == pytest.approx(1.0)
    assert figures.ap50_by_class == {0: pytest.approx(1.0), 1: pytest.approx(1.0)}


def test_no_detections_give_zero() -> None:
    figures = _figures(([], [], [], [UNIT], [0]))
    assert (figures.map50, figures.map50_95) == (0.0, 0.0)


def test_without_true_boxes_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="No true boxes"):
        _figures(([UNIT], [0], [0.9], [], []))


def test_one_of_two_found_counts_the_recalls_up_to_a_half() -> None:
    figures = _figures(([UNIT], [0], [0.9], [UNIT, FAR], [0, 0]))
    # Recalls 0.00 to 0.50 are 51 of the 101.
    assert figures.map50 == pytest.approx(51 / 101)


def test_a_confident_mistake_halves_the_precision() -> None:
    figures = _figures(([NOWHERE, UNIT], [0, 0], [0.9, 0.5], [UNIT], [0]))
    assert figures.map50 == pytest.approx(0.5)


def test_a_mistake_below_all_right_ones_costs_nothing() -> None:
    figures = _figures(([UNIT, NOWHERE], [0, 0], [0.9, 0.5], [UNIT], [0]))
    assert figures.map50 == pytest.approx(1.0)


def test_a_second_detection_of_one_box_is_a_mistake() -> None:
    figures = _figures(([UNIT, UNIT, FAR], [0, 0, 0], [0.9, 0.8, 0.7], [UNIT, FAR], [0, 0]))
    # Precision 1 up to recall 0.50, then 2 of 3.
    assert figures.map50 == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_the_wrong_class_does_not_match() -> None:
    figures = _figures(([UNIT], [1], [0.9], [UNIT], [0]))
    assert figures.map50 == 0.0


def test_the_wrong_picture_does_not_match() -> None:
    figures = _figures(([], [], [], [UNIT], [0]), ([UNIT], [0], [0.9], [FAR], [0]))
    assert figures.map50 == 0.0


def test_confidence_ranks_across_pictures() -> None:
    wrong_first = ([NOWHERE], [0], [0.9], [UNIT], [0])
    right_later = ([UNIT], [0], [0.5], [UNIT], [0])
    figures = _figures(wrong_first, right_later)
    assert figures.map50 == pytest.approx(0.5 * 51 / 101)


def test_each_threshold_is_judged_on_its_own() -> None:
    # IoU 0.72 passes 0.50, 0.55, 0.60, 0.65 and 0.70: five of the ten thresholds.
    figures = _figures(([[0.0, 0.0, 10.0, 7.2]], [0], [0.9], [UNIT], [0]))
    assert figures.map50 == pytest.approx(1.0)
    assert figures.map50_95 == pytest.approx(0.5)


def test_order_of_detections_does_not_matter() -> None:
    ranked = ([NOWHERE, UNIT], [0, 0], [0.9, 0.5], [UNIT], [0])
    shuffled = ([UNIT, NOWHERE], [0, 0], [0.5, 0.9], [UNIT], [0])
    assert _figures(ranked) == _figures(shuffled)


def test_iou_of_boxes() -> None:
    first = np.array([UNIT, FAR])
    second = np.array([[0.0, 0.0, 10.0, 5.0], [5.0, 5.0, 15.0, 15.0]])
    assert ap.pairwise_iou(first, second) == pytest.approx(np.array([[0.5, 25.0 / 175.0], [0.0, 0.0]]))
