"""Every version detects, loaded as users load it, with networks of the layouts that its exports have."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from im_backend_onnx.session import open_session
from im_yolo.detection import YOLODetector
from inference_models import (
    AutoModel,
    CorruptedModelPackageError,
    InvalidParameterError,
    ModelLoadingError,
    NoModelPackagesAvailableError,
)

Floats = npt.NDArray[np.float32]

# What a letterbox of a 320 x 320 picture leaves as it is: two squares on one another, a star, a faint circle.
BOXES = np.array([[80, 80, 120, 120], [82, 82, 122, 122], [200, 40, 240, 80], [10, 250, 30, 270]], np.float32)
SCORES = np.array([[0.1, 0.9, 0.1], [0.1, 0.7, 0.1], [0.1, 0.2, 0.5], [0.3, 0.1, 0.1]], np.float32)
CENTRED = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1)
SURE = np.full((4, 1), 0.95, np.float32)

ANCHOR_FREE = np.concatenate([CENTRED, SCORES], axis=1).T
# Objectness decides which boxes there are; the faint one has little of it.
OBJECTNESS = np.concatenate([CENTRED, np.array([[0.95], [0.95], [0.95], [0.3]], np.float32), SCORES], axis=1)
DROPPED = [0, 2, 3]
END_TO_END = np.concatenate(
    [BOXES[DROPPED], SCORES[DROPPED].max(axis=1, keepdims=True), np.array([[1], [2], [0]], np.float32)], axis=1
)
END_TO_END = np.concatenate([END_TO_END, np.zeros((6, 6), np.float32)])
FEATURE_MAPS = [np.zeros((3, size, size, 8), np.float32) for size in (40, 20, 10)]

PLAIN = {
    "yolov5": [OBJECTNESS],
    "yolov7": [OBJECTNESS, *FEATURE_MAPS],
    "yolov8": [ANCHOR_FREE],
    "yolov9": [ANCHOR_FREE],
    "yolov10": [END_TO_END],
    "yolov11": [ANCHOR_FREE],
    "yolov12": [ANCHOR_FREE],
    "yolo26": [END_TO_END],
    "yolonas": [BOXES, SCORES],
}
NMS_FREE = ("yolov10", "yolo26")
VARIANTS = [
    ("yolov5", [OBJECTNESS.T]),
    ("yolov5", [ANCHOR_FREE]),
    ("yolov8", [ANCHOR_FREE.T]),
    ("yolonas", [SCORES, BOXES]),
]
FUSED = {"post_processing": {"fused": True}}


def load(workbench: Any, architecture: str, outputs: list[Floats], **how: Any) -> Any:
    return workbench.load(workbench.saying(*outputs), architecture=architecture, **how)


def detect(model: Any, workbench: Any, **options: Any) -> Any:
    (found,) = model(workbench.picture(320, 320), **options)
    return found


@pytest.mark.parametrize(("architecture", "outputs"), [*PLAIN.items(), *VARIANTS])
def test_every_version_finds_the_square_and_the_star(workbench: Any, architecture: str, outputs: Any) -> None:
    found = detect(load(workbench, architecture, outputs), workbench, confidence=0.35)
    assert found.names == ["square", "star"]
    np.testing.assert_allclose(found.confidence, [0.9, 0.5])
    np.testing.assert_allclose(found.xyxy, BOXES[[0, 2]], atol=1e-4)


@pytest.mark.parametrize("architecture", PLAIN)
def test_every_version_may_have_nms_in_its_network(workbench: Any, architecture: str) -> None:
    found = detect(load(workbench, architecture, [END_TO_END], **FUSED), workbench, confidence=0.35)
    assert found.names == ["square", "star"]
    np.testing.assert_array_equal(found.xyxy, BOXES[[0, 2]])


@pytest.mark.parametrize(("architecture", "default"), [(name, 0.25 if name == "yolo26" else 0.4) for name in PLAIN])
def test_the_familys_own_confidence(workbench: Any, architecture: str, default: float) -> None:
    model = load(workbench, architecture, PLAIN[architecture])
    assert len(detect(model, workbench)) == (3 if default < 0.3 else 2)
    assert len(detect(model, workbench, confidence="best")) == (3 if default < 0.3 else 2)


@pytest.mark.parametrize("confidence", [0, 0.0, np.float32(0)])
@pytest.mark.parametrize(("architecture", "config"), [("yolov8", FUSED), ("yolov10", {}), ("yolo26", {})])
def test_rows_that_fill_up_are_never_returned(workbench: Any, architecture: str, config: Any, confidence: Any) -> None:
    """The peer returns all of them at confidence 0."""
    found = detect(load(workbench, architecture, [END_TO_END], **config), workbench, confidence=confidence)
    assert len(found) == 3
    assert len(detect(workbench.open(workbench.directory), workbench, confidence=0, max_detections=2)) == 2


@pytest.mark.parametrize("option", [{"iou_threshold": 0.5}, {"class_agnostic_nms": False}])
@pytest.mark.parametrize(("architecture", "config"), [("yolov8", FUSED), ("yolov10", {}), ("yolo26", {})])
def test_what_a_network_has_done_already_cannot_be_asked_for(
    workbench: Any, architecture: str, config: Any, option: Any
) -> None:
    """The peer ignores it."""
    model = load(workbench, architecture, [END_TO_END], **config)
    with pytest.raises(InvalidParameterError, match=f"{next(iter(option))} .* dropped overlapping boxes itself"):
        detect(model, workbench, **option)


@pytest.mark.parametrize("config", [{}, FUSED])
def test_the_packages_parameters_are_the_defaults_also_of_fused_networks(workbench: Any, config: Any) -> None:
    parameters = {"max_detections": 2, "confidence_threshold": 0, "iou_threshold": 1, "class_agnostic": 0}
    post_processing = {**config.get("post_processing", {}), "nms_parameters": parameters}
    outputs = [END_TO_END] if config else [ANCHOR_FREE]
    model = load(workbench, "yolov8", outputs, post_processing=post_processing)
    np.testing.assert_allclose(detect(model, workbench).confidence, [0.9, 0.5] if config else [0.9, 0.7])
    assert len(detect(model, workbench, max_detections=9)) == (3 if config else 4)


@pytest.mark.parametrize("architecture", [name for name in PLAIN if name not in NMS_FREE])
def test_a_package_without_post_processing_is_corrupted(workbench: Any, architecture: str) -> None:
    """The peer fails with an AttributeError."""
    directory = workbench.package(
        workbench.saying(*PLAIN[architecture]), architecture=architecture, post_processing=None
    )
    with pytest.raises(CorruptedModelPackageError, match="has no post_processing"):
        workbench.open(directory)


@pytest.mark.parametrize("architecture", NMS_FREE)
def test_a_network_that_needs_no_nms_needs_no_post_processing(workbench: Any, architecture: str) -> None:
    model = load(workbench, architecture, [END_TO_END], post_processing=None)
    assert detect(model, workbench, confidence=0.35).names == ["square", "star"]


@pytest.mark.parametrize(
    ("architecture", "outputs", "config", "expected"),
    [
        ("yolov8", [END_TO_END], {}, r"\(\?, 9, 6\); expected \(batch, 7, anchors\)"),
        ("yolov8", [ANCHOR_FREE], FUSED, r"\(\?, 7, 4\); expected \(batch, detections, 6\)"),
        ("yolov8", [OBJECTNESS], {}, r"\(\?, 4, 8\); expected \(batch, 7, anchors\)"),
        ("yolov7", [END_TO_END], {}, r"expected \(batch, anchors, 8\): .* or \(batch, 7, anchors\)"),
        ("yolov10", [ANCHOR_FREE], {}, r"expected \(batch, detections, 6\)"),
        ("yolonas", [BOXES], {}, r"expected \(batch, anchors, 4\) box values and \(batch, anchors, 3\) class scores"),
        ("yolonas", [BOXES, SCORES[:, :2]], {}, r"\(\?, 4, 4\), \(\?, 4, 2\); expected"),
    ],
)
def test_a_network_that_contradicts_its_package_is_refused(
    workbench: Any, architecture: str, outputs: Any, config: Any, expected: str
) -> None:
    directory = workbench.package(workbench.saying(*outputs), architecture=architecture, **config)
    with pytest.raises(CorruptedModelPackageError, match=expected):
        workbench.open(directory)


def test_metadata_that_contradicts_the_package_is_refused(workbench: Any) -> None:
    directory = workbench.package(workbench.saying(ANCHOR_FREE))
    with pytest.raises(CorruptedModelPackageError, match=r"fused NMS .* post_processing.fused .* is false"):
        YOLODetector.from_pretrained(directory, open_session=open_session, model_features={"nms_fused": {"a": 1}})


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_other_post_processing_is_refused_for_networks_without_nms_too(workbench: Any, kind: str) -> None:
    directory = workbench.package(
        workbench.saying(END_TO_END), architecture="yolo26", post_processing={"type": kind, "fused": False}
    )
    with pytest.raises(ModelLoadingError, match='supported: "nms"'):
        workbench.open(directory)


def test_packages_with_fused_nms_are_used_when_they_are_wanted(workbench: Any) -> None:
    directory = workbench.package(workbench.saying(END_TO_END), **FUSED)
    described = json.loads((directory / "model_config.json").read_text())
    settings = {"max_detections": 300, "confidence_threshold": 0.25, "iou_threshold": 0.7, "class_agnostic": False}
    described["model_features"] = {"nms_fused": settings}
    (directory / "model_config.json").write_text(json.dumps(described))
    model = AutoModel.from_pretrained(directory, device="cpu", nms_fusion_preferences=True)
    assert detect(model, workbench, confidence=0.35).names == ["square", "star"]
    with pytest.raises(NoModelPackagesAvailableError, match="nms_fusion_preferences"):
        workbench.open(directory)
