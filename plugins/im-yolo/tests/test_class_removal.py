"""Packages that remove classes of their network: what is found, under which ids, for every task."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from im_backend_onnx.session import open_session
from im_yolo.classification import YOLOMultiLabelClassifier
from im_yolo.detection import YOLODetector
from im_yolo.maps import YOLOSemanticSegmenter
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import RecommendedParameters

NAMES = ("circle", "square", "star")


def removing(*names: str) -> dict[str, Any]:
    return {"class_names_operations": [{"type": "class_name_removal", "class_name": name} for name in names]}


# Left, top, right, bottom in a picture of 320 x 320, and the scores of the classes: a square on a circle, a star, and
# one that is rather a circle than a star.
BOXES = np.array([[80, 80, 120, 120], [82, 82, 122, 122], [200, 40, 240, 80], [10, 250, 30, 270]], np.float32)
SCORES = np.array([[0.1, 0.9, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.5], [0.7, 0.1, 0.6]], np.float32)
OBJECTNESS = np.full((4, 1), 0.95, np.float32)
CENTRED = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1)
END_TO_END = np.column_stack([BOXES, SCORES.max(axis=1), SCORES.argmax(axis=1)]).astype(np.float32)
OUTPUTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "yolov8": ([np.concatenate([CENTRED, SCORES], axis=1).T], {}),
    "yolov9": ([END_TO_END], {"post_processing": {"fused": True}}),
    "yolov5": ([np.concatenate([CENTRED, OBJECTNESS, SCORES], axis=1)], {}),
    "yolov10": ([END_TO_END], {}),
    "yolonas": ([BOXES, SCORES], {}),
}


def load(workbench: Any, architecture: str, *removed: str, **config: Any) -> Any:
    outputs, layout = OUTPUTS[architecture]
    return workbench.load(
        workbench.saying(*outputs), architecture=architecture, **{**layout, **removing(*removed), **config}
    )


@pytest.mark.parametrize("architecture", OUTPUTS)
def test_boxes_of_a_removed_class_are_left_out_and_the_others_move_up(workbench: Any, architecture: str) -> None:
    model = load(workbench, architecture, "circle")
    assert model.class_names == ["square", "star"]
    (found,) = model(workbench.picture(320, 320))
    assert found.class_names == ("square", "star")
    assert found.class_id.tolist() == [0, 1], "what is rather a circle is no star"
    assert found.class_id.dtype == np.int32
    np.testing.assert_allclose(found.confidence, [0.9, 0.5])
    np.testing.assert_allclose(found.xyxy, BOXES[[0, 2]], atol=1e-4)


@pytest.mark.parametrize("architecture", ["yolov8", "yolov5", "yolonas"])
def test_a_removed_class_drops_no_box_of_another(workbench: Any, architecture: str) -> None:
    (found,) = load(workbench, architecture, "square")(workbench.picture(320, 320), class_agnostic_nms=True)
    assert found.names == ["circle", "circle", "star"]
    assert found.class_id.tolist() == [0, 0, 1]
    (found,) = load(workbench, architecture)(workbench.picture(320, 320), class_agnostic_nms=True)
    assert found.names == ["square", "circle", "star"]


@pytest.mark.parametrize("architecture", OUTPUTS)
def test_a_removed_class_takes_no_place(workbench: Any, architecture: str) -> None:
    (found,) = load(workbench, architecture, "square", "circle")(workbench.picture(320, 320), max_detections=1)
    assert found.names == ["star"]
    assert found.class_id.tolist() == [0]


def test_thresholds_by_class_are_those_of_the_names_that_are_left(workbench: Any) -> None:
    load(workbench, "yolov8", "square")
    model = YOLODetector.from_pretrained(
        workbench.directory,
        open_session=open_session,
        recommended_parameters=RecommendedParameters(0.6, {"star": 0.45, "square": 0.0}),
    )
    (found,) = model(workbench.picture(320, 320), confidence="best")
    assert found.names == ["circle", "circle", "star"]


def test_masks_are_those_of_the_boxes_that_are_left(workbench: Any) -> None:
    coefficients = np.zeros((4, 32), np.float32)
    coefficients[:, 0] = [5, -5, 5, 5]
    rows = np.concatenate([CENTRED, SCORES, coefficients], axis=1).T
    network = workbench.saying(rows, np.ones((32, 80, 80), np.float32))
    model = workbench.load(network, task="instance-segmentation", **removing("circle"))
    (found,) = model(workbench.picture(320, 320))
    assert found.names == ["square", "star"]
    assert found.mask.sum(axis=(1, 2)).tolist() == [1600, 1600]


def test_key_points_keep_the_names_of_their_class(workbench: Any) -> None:
    metadata = [
        {"object_class_id": 0, "keypoints": {"0": "hub", "1": "rim", "2": "valve"}, "edges": [{"from": 0, "to": 2}]},
        {"object_class_id": 2, "keypoints": {"0": "tip", "1": "base"}, "edges": [{"from": 1, "to": 0}]},
    ]
    points = np.tile(np.array([100, 100, 0.9, 110, 110, 0.8, 120, 120, 0.7], np.float32), (4, 1))
    network = workbench.saying(np.concatenate([CENTRED, SCORES, points], axis=1).T)
    files = {"keypoints_metadata.json": json.dumps(metadata)}
    model = workbench.load(network, task="keypoint-detection", files=files, **removing("circle"))
    assert model.key_points_classes == [[], ["tip", "base"]]
    assert model.skeletons == [[], [(1, 0)]]
    (found,), (boxes,) = model(workbench.picture(320, 320))
    assert found.names == boxes.names == ["square", "star"]
    assert found.key_points_classes == ((), ("tip", "base"))
    assert (found.confidence > 0).tolist() == [[False] * 3, [True, True, False]]


LOGITS = np.array([0.5, 2.0, -1.0], np.float32)


@pytest.mark.parametrize("fused", [False, True])
def test_an_image_is_of_the_best_class_that_is_left(workbench: Any, fused: bool) -> None:
    powers = np.exp(LOGITS.astype(np.float64))
    probabilities = powers / powers.sum()
    said = probabilities.astype(np.float32) if fused else LOGITS
    post_processing = {"type": "softmax", "fused": fused}
    model = workbench.load(
        workbench.saying(said), task="classification", post_processing=post_processing, **removing("square")
    )
    assert model.class_names == ["circle", "star"]
    found = model([workbench.picture(), workbench.picture(seed=1)])
    assert found.names == ["circle", "circle"]
    assert found.class_id.tolist() == [0, 0]
    np.testing.assert_allclose(found.confidence, [probabilities[[0, 2]]] * 2, rtol=1e-6)


def test_a_removed_label_applies_to_nothing(workbench: Any) -> None:
    post_processing = {"type": "sigmoid", "fused": False}
    model = workbench.load(
        workbench.saying(LOGITS),
        task="multi-label-classification",
        post_processing=post_processing,
        **removing("square"),
    )
    (found,) = model(workbench.picture())
    assert found.names == ["circle"]
    np.testing.assert_allclose(found.confidence, 1 / (1 + np.exp(-LOGITS[[0, 2]])), rtol=1e-6)
    recommended = RecommendedParameters(per_class_confidence={"circle": 0.99, "star": 0.1})
    (best,) = YOLOMultiLabelClassifier(model._package, recommended)(workbench.picture(), confidence="best")
    assert best.class_ids.tolist() == [1]


@pytest.mark.parametrize("fused", [False, True])
def test_pixels_of_a_removed_class_are_background(workbench: Any, fused: bool) -> None:
    said = np.full((3, 320, 320), 0.1, np.float32)
    for class_id in range(3):
        said[class_id, :, 100 * class_id : 100 * class_id + 100] = 0.8
    logits = said if fused else np.log(said)
    semantic: Any = {
        "architecture": "yolo26",
        "task": "semantic-segmentation",
        "names": ("road", "background", "sky"),
        "post_processing": {"type": "softmax", "fused": fused},
    }
    model = workbench.load(workbench.saying(logits), **semantic, **removing("road"))
    assert model.class_names == ["background", "sky"]
    for one in (model, YOLOSemanticSegmenter(model._package, RecommendedParameters(0.25, {"sky": 0.5}))):
        (found,) = one(workbench.picture(320, 320), confidence="best")
        assert found.class_names == ("background", "sky")
        assert found.segmentation_map[0, [50, 150, 250]].tolist() == [0, 0, 1]
        np.testing.assert_allclose(found.confidence[0, [50, 150, 250]], [0.1, 0.8, 0.8], rtol=1e-5)
        assert found.segmentation_map.dtype == np.int64
    directory = workbench.package(workbench.saying(logits), **semantic, **removing("background"))
    with pytest.raises(CorruptedModelPackageError, match='remove the class "background"'):
        workbench.open(directory)


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (removing("sqare")["class_names_operations"], r"remove 'sqare', expected names that class_names.txt has"),
        (removing(*NAMES)["class_names_operations"], "remove every class"),
        ([{"type": "class_name_addition", "class_name": "star"}], r'expected "class_name_removal"'),
        ([{"type": "class_name_removal"}], r"class_names_operations\.0\.class_name: missing"),
    ],
)
def test_operations_that_contradict_the_package_are_refused(workbench: Any, operations: Any, expected: str) -> None:
    directory = workbench.package(workbench.looking(), class_names_operations=operations)
    with pytest.raises(CorruptedModelPackageError, match=expected):
        workbench.open(directory)


def test_a_package_without_classes_has_none_to_remove(workbench: Any) -> None:
    depth = {"architecture": "yolo26", "task": "depth-estimation", "names": None, "post_processing": None}
    network = workbench.saying(np.zeros((1, 8, 8), np.float32))
    with pytest.raises(CorruptedModelPackageError, match=r"remove 'star', expected names .* \(none\)"):
        workbench.open(workbench.package(network, **depth, **removing("star")))
