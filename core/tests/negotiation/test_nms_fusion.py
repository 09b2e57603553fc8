"""Networks that end in non-maximum suppression: who asks for them gets them, and what is malformed is a reason."""

from __future__ import annotations

import pytest

from inference_models.errors import InvalidParameterError
from inference_models.negotiation import Request, make_request
from inference_models.negotiation.nms_fusion import closeness, parse_preferences

NMS = {"max_detections": 300, "confidence_threshold": 0.25, "iou_threshold": 0.7, "class_agnostic": False}


def reason(plan_for, make_package, fused: object, preferences: object) -> str | None:
    package = make_package("a", model_features={"nms_fused": fused})
    [verdict] = plan_for([package], nms_fusion_preferences=preferences).verdicts
    assert verdict.usable or verdict.rejected_by == "has_requested_nms"
    return verdict.reason


@pytest.mark.parametrize("preferences", [None, False])
def test_it_is_used_only_when_asked_for(plan_for, make_package, preferences) -> None:
    assert reason(plan_for, make_package, NMS, preferences) == (
        "its network ends in non-maximum suppression with fixed thresholds (model feature 'nms_fused'); "
        "nms_fusion_preferences=True permits it"
    )


@pytest.mark.parametrize(
    ("fused", "preferences"),
    [
        (NMS, True),
        ({**NMS, "class_agnostic": 0, "iou_threshold": 0.7000000000000001}, True),
        ({**NMS, "iou_threshold": 0.1}, {}),
        ({**NMS, "iou_threshold": 0.1}, {"class_agnostic": False, "max_detections": 300}),
        (NMS, {"max_detections": (100, 300), "iou_threshold": [0.7, 1], "confidence_threshold": 0.25}),
        (None, None),
        (False, None),
        (None, True),
    ],
)
def test_it_has_what_was_asked_for(plan_for, make_package, fused, preferences) -> None:
    assert reason(plan_for, make_package, fused, preferences) is None


@pytest.mark.parametrize(
    ("settings", "preferences", "expected"),
    [
        ({"max_detections": 100}, True, "max_detections 100, asked for: 300"),
        ({"confidence_threshold": 0.3}, True, "confidence_threshold 0.3, asked for: 0.25"),
        ({"iou_threshold": 0.4}, {"iou_threshold": (0.5, 0.8)}, "iou_threshold 0.4, asked for: 0.5 to 0.8"),
        ({"class_agnostic": True}, True, "class_agnostic True, asked for: False"),
    ],
)
def test_it_has_something_else(plan_for, make_package, settings, preferences, expected) -> None:
    told = reason(plan_for, make_package, {**NMS, **settings}, preferences)
    assert told == f"its fused non-maximum suppression has {expected}"


@pytest.mark.parametrize(
    ("fused", "expected"),
    [
        (True, "it is no object but bool"),
        ([300], "it is no object but list"),
        ({}, "it has no max_detections"),
        ({**NMS, "iou_threshold": None}, "its iou_threshold cannot be None"),
        ({**NMS, "iou_threshold": "0.7"}, "its iou_threshold cannot be '0.7'"),
        ({**NMS, "iou_threshold": float("nan")}, "its iou_threshold cannot be nan"),
        ({**NMS, "iou_threshold": 7}, "its iou_threshold cannot be 7"),
        ({**NMS, "max_detections": 10**400}, "its max_detections cannot be 1000"),
        ({**NMS, "max_detections": -1}, "its max_detections cannot be -1"),
        ({**NMS, "max_detections": True}, "its max_detections cannot be True"),
        ({**NMS, "class_agnostic": "no"}, "its class_agnostic cannot be 'no'"),
        ({**NMS, "class_agnostic": 2}, "its class_agnostic cannot be 2"),
    ],
)
def test_a_malformed_feature_is_a_reason(plan_for, make_package, fused, expected) -> None:
    told = reason(plan_for, make_package, fused, True) or ""
    assert told.startswith(f"its model feature 'nms_fused' is malformed: {expected}")


@pytest.mark.parametrize(
    "value",
    [
        1,
        "yes",
        [0.5],
        {"iou": 0.5},
        {1: 0.5},
        {"iou_threshold": "0.5"},
        {"iou_threshold": (0.8, 0.5)},
        {"iou_threshold": (0.1, 0.5, 0.9)},
        {"iou_threshold": 1.5},
        {"iou_threshold": float("nan")},
        {"max_detections": -1},
        {"max_detections": True},
        {"class_agnostic": 1},
        {"class_agnostic": (False, True)},
    ],
)
def test_preferences_that_make_no_sense(value) -> None:
    with pytest.raises(InvalidParameterError, match="nms_fusion_preferences="):
        make_request(nms_fusion_preferences=value)


def test_a_misspelt_setting_is_told() -> None:
    with pytest.raises(InvalidParameterError, match="Did you mean 'iou_threshold'"):
        make_request(nms_fusion_preferences={"iou_treshold": 0.5})


def test_preferences_in_one_shape() -> None:
    assert make_request(nms_fusion_preferences=False).nms_fusion_preferences is None
    assert dict(make_request(nms_fusion_preferences=True).nms_fusion_preferences or {}) == {
        "max_detections": (300, 300),
        "confidence_threshold": (0.25, 0.25),
        "iou_threshold": (0.7, 0.7),
        "class_agnostic": False,
    }
    request = make_request(nms_fusion_preferences={"iou_threshold": [0.5, 0.8], "class_agnostic": True})
    assert request.to_dict()["nms_fusion_preferences"] == {"iou_threshold": [0.5, 0.8], "class_agnostic": True}


def test_a_request_made_directly_is_checked_too() -> None:
    request = make_request(nms_fusion_preferences=True)
    assert Request(nms_fusion_preferences=True) == Request(nms_fusion_preferences=request.nms_fusion_preferences)
    with pytest.raises(InvalidParameterError):
        Request(nms_fusion_preferences="yes")


def test_the_middle_of_a_range_is_nearest_and_its_ends_count_half() -> None:
    wanted = parse_preferences({"iou_threshold": (0.5, 0.9), "class_agnostic": False})
    scores = [closeness({"nms_fused": {**NMS, "iou_threshold": iou}}, wanted) for iou in (0.5, 0.6, 0.7, 0.9)]
    assert scores == pytest.approx([1.5, 1.75, 2.0, 1.5])
    assert closeness({"nms_fused": NMS}, parse_preferences(True)) == 4.0
    assert (
        closeness({"nms_fused": "odd"}, wanted) == closeness({}, wanted) == closeness({"nms_fused": NMS}, None) == 0.0
    )
