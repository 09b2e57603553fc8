from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models.cli.drawing import choose_targets, draw_prediction
from inference_models.errors import InvalidParameterError
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    KeyPoints,
    SemanticSegmentationResult,
)

sv = pytest.importorskip("supervision")

BOX = np.array([[40, 50, 120, 130]], np.float32)
ID = np.array([0])
SURE = np.array([0.9], np.float32)


def changed_by(prediction: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    scene = np.full((200, 200, 3), 128, np.uint8)
    drawn = draw_prediction(sv, scene.copy(), prediction)
    assert drawn.shape == scene.shape
    result: np.ndarray[Any, np.dtype[np.bool_]] = (drawn != scene).any(axis=2)
    return result


def test_targets_differ_from_each_other_and_from_the_images(tmp_path: Path) -> None:
    images = [tmp_path / "x.png", tmp_path / "X.jpg", tmp_path / "x-annotated.png", Path("elsewhere/x.png")]
    targets = choose_targets(tmp_path, images)
    names = [targets[image].name for image in images]
    assert names == ["x-annotated-2.png", "X-annotated-3.png", "x-annotated-annotated.png", "x-annotated-4.png"]


def test_an_image_given_twice_has_one_target(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    assert choose_targets(tmp_path, [image, image]) == {image: tmp_path / "x-annotated.png"}


def test_boxes() -> None:
    changed = changed_by(Detections(BOX, ID, SURE))
    assert changed[90, 40]
    assert changed[130, 80]
    assert not changed[90, 80]


def test_masks() -> None:
    mask = np.zeros((1, 200, 200), bool)
    mask[0, 80:100, 60:90] = True
    changed = changed_by(InstanceDetections(BOX, ID, SURE, mask=mask))
    assert changed[80:100, 60:90].all()
    assert not changed[110, 100]


def test_key_points() -> None:
    points = KeyPoints(np.array([[[50, 60], [0, 0]]], np.float32), ID, np.array([[0.9, 0]], np.float32))
    changed = changed_by(points)
    assert changed[60, 50]
    assert not changed[:30, :30].any(), "padding is not drawn"


def test_regions() -> None:
    classes = np.zeros((200, 200), np.int64)
    classes[150:] = 1
    changed = changed_by(SemanticSegmentationResult(classes, np.ones((200, 200), np.float32)))
    assert changed.mean() > 0.9


@pytest.mark.parametrize(
    "prediction",
    [Detections(BOX[:0], ID[:0], SURE[:0]), KeyPoints(np.zeros((0, 3, 2), np.float32), ID[:0], np.zeros((0, 3)))],
)
def test_nothing_found_nothing_drawn(prediction: Any) -> None:
    assert not changed_by(prediction).any()


def test_boxes_outside_the_picture_and_tiny_pictures() -> None:
    far = Detections(np.array([[-50, -50, 900, 900]], np.float32), ID, SURE, class_names=["a" * 100])
    changed_by(far)
    assert draw_prediction(sv, np.zeros((1, 1, 3), np.uint8), far).shape == (1, 1, 3)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(InvalidParameterError, match="this model gives 'ClassificationPrediction'"):
        changed_by(ClassificationPrediction(ID, np.ones((1, 1), np.float32)))
