from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inference_models.describe import print_prediction
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)

Printed = Callable[..., str]

NAMES = ("circle", "[b]star")
XYXY = np.array([[1.26, 2, 30, 40], [0, 0, 5, 5.5]], np.float32)
IDS = np.array([1, 0])
SCORES = np.array([0.91234, 0.5], np.float32)


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_detections(printed: Printed) -> None:
    text = printed(print_prediction, Detections(XYXY, IDS, SCORES, class_names=NAMES), "a[b].png")
    assert rows(text) == [
        "a[b].png: 2 detections",
        "class confidence left top right bottom",
        rows(text)[2],
        "[b]star 0.912 1.3 2.0 30.0 40.0",
        "circle 0.500 0.0 0.0 5.0 5.5",
    ]


def test_one_and_none(printed: Printed) -> None:
    found = Detections(XYXY, IDS, SCORES)
    assert rows(printed(print_prediction, found[0], "x"))[0] == "x: 1 detection"
    assert rows(printed(print_prediction, found[:0], "x")) == ["x: no detections"]
    assert rows(printed(print_prediction, found[:0])) == ["no detections"]


def test_instances_are_boxes_too(printed: Printed) -> None:
    found = InstanceDetections(XYXY, IDS, SCORES, class_names=NAMES, mask=np.zeros((2, 50, 50), bool))
    assert "circle 0.500 0.0 0.0 5.0 5.5" in rows(printed(print_prediction, found))


def test_key_points_leave_out_padding(printed: Printed) -> None:
    points = KeyPoints(
        np.array([[[1, 2], [3, 4]], [[5, 6], [0, 0]]], np.float32),
        IDS,
        np.array([[0.9, 0.8], [0.7, 0]], np.float32),
        detection_confidence=SCORES,
        class_names=NAMES,
    )
    text = rows(printed(print_prediction, points, "x"))
    assert text[0] == "x: 2 instances"
    assert text[-2:] == ["[b]star 0.912 2 1.0 2.0, 3.0 4.0", "circle 0.500 1 5.0 6.0"]


def test_classification_shows_the_best_classes(printed: Printed) -> None:
    scores = np.array([[0.1, 0.05, 0.4, 0.02, 0.3, 0.13]], np.float32)
    text = rows(printed(print_prediction, ClassificationPrediction(np.array([2]), scores)))
    assert text[-5:] == ["2 0.400", "4 0.300", "5 0.130", "0 0.100", "1 0.050"]


def test_multi_label(printed: Printed) -> None:
    labels = MultiLabelClassificationPrediction(np.array([1]), np.array([0.2, 0.8], np.float32), class_names=NAMES)
    assert rows(printed(print_prediction, labels, "x"))[0] == "x: 1 label"
    assert rows(printed(print_prediction, labels))[-1] == "[b]star 0.800"


def test_semantic_segmentation(printed: Printed) -> None:
    result = SemanticSegmentationResult(
        np.array([[0, 0, 0, 1]]), np.array([[1, 1, 1, 0.25]], np.float32), class_names=NAMES
    )
    assert rows(printed(print_prediction, result))[-2:] == ["circle 75.0% 1.000", "[b]star 25.0% 0.250"]


def test_what_has_no_table(printed: Printed) -> None:
    assert printed(print_prediction, "text [b]read[/b]", "x") == "x\ntext [b]read[/b]\n"
    assert printed(print_prediction, np.zeros((0, 4), np.float32)) == "ndarray of 0 x 4 float32\n"
    assert printed(print_prediction, ("read", {"a": 1})) == "read\n{'a': 1}\n"


def test_maps_show_their_range(printed: Printed) -> None:
    depth = np.array([[0.5, np.nan], [12.25, np.inf]], np.float32)
    assert printed(print_prediction, depth, "x") == "x\nndarray of 2 x 2 float32, 0.5 to 12.25\n"


def test_a_tuple_is_printed_part_by_part(printed: Printed) -> None:
    points = KeyPoints(np.array([[[1, 2]]], np.float32), IDS[:1], np.array([[0.9]], np.float32))
    text = rows(printed(print_prediction, (points, Detections(XYXY, IDS, SCORES)), "x"))
    assert [line for line in text if line.startswith("x:")] == ["x: 1 instance", "x: 2 detections"]
    assert rows(printed(print_prediction, (points[:0], None), "x")) == ["x: no instances"]
