"""Predictions of each type are held to what their classes document."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import frozen

from inference_models import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    InstancesRLEMasks,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)
from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.kinds import check_kind
from inference_models.testing.checks.predictions import check_depth, check_plain_data, check_prediction

SIZE = (40, 60)
NAMES = ("cat", "dog")
F32 = np.float32


def boxes(*rows: Any, ids: Any = (0,), scores: Any = (0.5,), names: Any = NAMES, **more: Any) -> Detections:
    rows = rows or ((1, 2, 30, 35),)
    ids, scores = np.resize(ids, len(rows)).astype(np.int32), np.resize(scores, len(rows)).astype(F32)
    return Detections(np.array(rows, F32), ids, scores, class_names=names, **more)


def masks(mask: Any, count: int = 1) -> InstanceDetections:
    rows = np.array([[1, 2, 30, 35]] * count, F32).reshape(-1, 4)
    return InstanceDetections(rows, np.zeros(count, np.int32), np.ones(count, F32), mask, class_names=NAMES)


def points(**changes: Any) -> KeyPoints:
    given: dict[str, Any] = {
        "xy": np.full((1, 2, 2), 5, F32),
        "class_id": np.zeros(1, np.int32),
        "confidence": np.array([[0.5, 0]], F32),
        "covariance": np.array([[np.eye(2), np.full((2, 2), np.nan)]], F32),
        "detection_confidence": np.ones(1, F32),
        "class_names": NAMES,
        "key_points_classes": (("nose", "tail"), ("nose",)),
        "skeletons": (((0, 1),), ()),
    }
    return KeyPoints(**{**given, **changes})


def classes(*scores: float, best: int = 0, names: Any = NAMES) -> ClassificationPrediction:
    return ClassificationPrediction(np.array([best]), np.array([scores], F32), class_names=names)


def labels(ids: Any, scores: Any = (0.9, 0.8)) -> MultiLabelClassificationPrediction:
    return MultiLabelClassificationPrediction(np.array(ids, np.int64), np.array(scores, F32), class_names=NAMES)


def pixels(size: tuple[int, int] = SIZE, class_id: int = 1, score: float = 0.5) -> SemanticSegmentationResult:
    return SemanticSegmentationResult(np.full(size, class_id), np.full(size, score, F32), class_names=NAMES)


GOOD = {
    "boxes": boxes((1, 2, 30, 35), (-3, 0, 60, 40), ids=(0, 1)),
    "no boxes": Detections(np.zeros((0, 4), F32), np.zeros(0, np.int32), np.zeros(0, F32)),
    "boxes with names of their own": boxes(ids=(7,), bboxes_metadata=[{"class_name": "owl"}]),
    "dense masks": masks(np.ones((1, *SIZE), bool)),
    "run lengths": masks(InstancesRLEMasks.from_dense(np.ones((1, *SIZE), bool))),
    "no masks": masks(None),
    "key points": points(),
    "key points and boxes": (points(), boxes()),
    "key points alone": (points(), None),
    "a class": classes(0.75, 0.25),
    "labels": labels([1]),
    "no labels": labels([]),
    "classes of pixels": pixels(),
    "a text": "a cat",
    "a vector": np.ones(8, F32),
    "a mapping": {"<CAPTION>": ["a cat", 1, 2.5, None]},
}


@pytest.mark.parametrize("prediction", GOOD.values(), ids=list(GOOD))
def test_good_predictions(prediction: Any) -> None:
    check_prediction(prediction, SIZE)
    if hasattr(prediction, "to_dict"):
        check_plain_data(prediction)


BAD = {
    "left of left": (boxes((30, 2, 1, 35)), "its left is right of its right"),
    "upside down": (boxes((1, 35, 30, 2)), "its top below its bottom"),
    "outside": (boxes((70, 2, 90, 35)), "outside of a picture of 60x40"),
    "NaN in a box": (boxes((1, 2, np.nan, 35)), "xyxy holds NaN"),
    "a percentage": (boxes(scores=(50,)), "confidence runs from 50.0 to 50.0"),
    "no such class": (boxes(ids=(2,)), "class ids from 2 to 2 and there are 2 class names"),
    "a negative class": (boxes(ids=(-1,), names=None), "class ids from -1 to -1"),
    "masks of the network's size": (masks(np.ones((1, 16, 16), bool)), r"mask has the size \(16, 16\)"),
    "run lengths of another size": (
        masks(InstancesRLEMasks.from_dense(np.ones((1, 60, 40), bool))),
        r"mask has the size \(60, 40\), and the picture is \(40, 60\)",
    ),
    "points at infinity": (points(xy=np.full((1, 2, 2), np.inf, F32)), "KeyPoints.xy holds"),
    "points of a percentage": (points(confidence=np.full((1, 2), 50, F32)), "KeyPoints.confidence runs"),
    "a negative variance": (points(covariance=-np.ones((1, 2, 2, 2), F32)), "negative"),
    "edges to nowhere": (points(skeletons=(((0, 2),), ())), r"joins points that class 0 does not have"),
    "points of other boxes": ((points(), boxes(ids=(1,))), "their classes differ"),
    "points of fewer boxes": ((points(), boxes((1, 2, 3, 4), (1, 2, 3, 4))), "1 instances with key points and 2 boxes"),
    "logits": (classes(0.5, 0.9), "adds up to .* and not to 1"),
    "not the best": (classes(0.75, 0.25, best=1), "not the class of the highest"),
    "a class too many": (classes(0.5, 0.25, 0.25), "3 confidences and 2 class names"),
    "labels twice": (labels([1, 1]), "names a class twice"),
    "scores of labels": (labels([1], (0.9, 8)), "confidence runs"),
    "a small map": (pixels((20, 30)), r"segmentation_map has the size \(20, 30\)"),
    "a class of pixels too many": (pixels(class_id=2), "class ids from 2 to 2"),
    "NaN in a vector": (np.array([np.nan], F32), "NaN"),
    "in a list": ([boxes(), boxes((30, 2, 1, 35))], "left"),
}


@pytest.mark.parametrize(("prediction", "what"), BAD.values(), ids=list(BAD))
def test_bad_predictions(prediction: Any, what: str) -> None:
    with pytest.raises(Finding, match=what) as caught:
        check_prediction(prediction, SIZE)
    assert caught.value.change


def test_depth() -> None:
    check_depth(np.ones(SIZE, F32), SIZE)
    for wrong, what in ((np.ones(SIZE), "float64"), (np.ones((20, 30), F32), "size"), ("near", "str")):
        with pytest.raises(Finding, match=what):
            check_depth(wrong, SIZE)


@frozen
class Count:
    """A prediction type of somebody else."""

    cars: Any

    def to_dict(self) -> dict[str, Any]:
        return {"cars": self.cars}


@frozen
class Written(Count):
    """One that writes JSON by itself, and wrongly."""

    def to_json(self) -> str:
        return '{"cars": 0}'


def test_predictions_of_other_types_are_plain_data() -> None:
    check_prediction(Count(3), SIZE)
    for wrong, what in (
        (Count(np.int64(3)), "is not what JSON knows"),
        (Count(float("nan")), "is not what JSON knows"),
        (Written(3), "is not the JSON of to_dict"),
        (object(), "object has no to_dict"),
    ):
        with pytest.raises(Finding, match=what):
            check_prediction(wrong, SIZE)


def test_what_each_task_promises(finder: SimpleNamespace) -> None:
    check_kind(finder.ColorFinder(), boxes(), SIZE)
    check_kind(object(), "anything", SIZE)
    for wrong in (points(), (boxes(), boxes()), None, "a cat"):
        with pytest.raises(Finding, match="promises Detections"):
            check_kind(finder.ColorFinder(), wrong, SIZE)
