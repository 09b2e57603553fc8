from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from inference_models.errors import InvalidParameterError
from inference_models.metadata import RecommendedParameters
from inference_models.vision import check_flag, check_fraction, check_max_detections, resolve_confidence

NAMES = ("cat", "dog", "bird")


def resolve(confidence: Any, recommended: RecommendedParameters | None = None) -> Any:
    return resolve_confidence(confidence, default=0.4, class_names=NAMES, recommended=recommended)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0.25, 0.25), (0, 0.0), (1, 1.0), (np.float32(0.5), 0.5), (np.float64(0.1), 0.1), (np.int64(1), 1.0)],
)
def test_numbers_are_taken_as_they_are(given: Any, expected: float) -> None:
    found = resolve(given)
    assert found == expected
    assert type(found) is float


@pytest.mark.parametrize(
    "given",
    [
        *("bset", "BEST", "", "0.5", -0.1, 1.0001, float("nan"), float("inf"), True, False, None, [0.5], {}, b"best"),
        *(np.array([0.1, 0.2]), np.array(["best", "best"]), 10**400),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(InvalidParameterError, match='confidence must be a number from 0 to 1, "best" or "default"'):
        resolve(given)


def test_default_is_the_default_whatever_is_recommended() -> None:
    assert resolve("default") == 0.4
    assert resolve("default", RecommendedParameters(confidence=0.9)) == 0.4


def test_best_is_what_is_recommended_for_all_classes() -> None:
    assert resolve("best", RecommendedParameters(confidence=0.9)) == 0.9


@pytest.mark.parametrize("recommended", [None, RecommendedParameters(), RecommendedParameters(per_class_confidence={})])
def test_best_without_a_recommendation_is_the_default(recommended: RecommendedParameters | None) -> None:
    assert resolve("best", recommended) == 0.4


@pytest.mark.parametrize(("overall", "rest"), [(0.9, 0.9), (None, 0.4)])
def test_best_is_per_class_where_there_is_one(overall: float | None, rest: float) -> None:
    found = resolve("best", RecommendedParameters(overall, {"dog": 0.2, "unicorn": 0.1}))
    np.testing.assert_array_equal(found, np.array([rest, 0.2, rest], np.float32))
    assert found.dtype == np.float32


def test_fractions_are_named_in_errors() -> None:
    assert check_fraction("iou_threshold", Fraction(1, 2)) == 0.5
    with pytest.raises(InvalidParameterError, match=r"iou_threshold must be a number from 0 to 1, got '0.5' \(str\)"):
        check_fraction("iou_threshold", "0.5")


@pytest.mark.parametrize("value", [1, 300, np.int32(7)])
def test_counts_are_taken(value: Any) -> None:
    assert check_max_detections(value) == int(value)
    assert type(check_max_detections(value)) is int


@pytest.mark.parametrize(
    "value", [0, -1, 1.0, "3", True, None, np.True_, float("nan"), np.array([3]), np.array([3, 4])]
)
def test_what_is_no_count_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="max_detections must be a whole number of at least 1"):
        check_max_detections(value)


def test_tensors_of_one_number_are_taken_and_others_refused() -> None:
    torch = pytest.importorskip("torch")
    assert (resolve(torch.tensor(0.5)), check_max_detections(torch.tensor(3))) == (0.5, 3)
    for wrong in (torch.tensor(3.0), torch.tensor([3, 4])):
        with pytest.raises(InvalidParameterError, match="confidence must be"):
            resolve(wrong)
        with pytest.raises(InvalidParameterError, match="max_detections must be"):
            check_max_detections(wrong)


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_flags_are_taken(value: Any) -> None:
    assert check_flag("class_agnostic_nms", value) is bool(value)


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_what_is_no_flag_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="class_agnostic_nms must be True or False"):
        check_flag("class_agnostic_nms", value)
