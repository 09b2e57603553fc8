"""`im predict` with a model of each task: what it prints, and the picture it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("supervision")

TASKS = {
    "object-detection": ("yolov8", "Detections", "detections"),
    "instance-segmentation": ("yolov8", "InstanceDetections", "detections"),
    "keypoint-detection": ("yolov8", "KeyPoints", "key_points"),
    "classification": ("yolov8", "ClassificationPrediction", "images"),
    "multi-label-classification": ("yolov8", "MultiLabelClassificationPrediction", "classes"),
    "semantic-segmentation": ("yolo26", "SemanticSegmentationResult", "classes"),
    "depth-estimation": ("yolo26", "ndarray", "shape"),
}


def im(*arguments: object) -> str:
    command = [sys.executable, "-m", "inference_models.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("task", TASKS)
def test_predict_prints_and_draws(workbench: Any, networks: Any, task: str) -> None:
    architecture, kind, key = TASKS[task]
    directory = networks.package(workbench, architecture, task, fused=False, batch=None)
    picture, output = directory.parent / "picture.png", directory.parent / "out"
    cv2.imwrite(str(picture), workbench.picture(150, 200))
    (row,) = json.loads(im("predict", directory, picture, "--json", "--output", output))["predictions"]
    assert (row["type"], row["width"], row["height"]) == (kind, 200, 150)
    assert len(row["prediction"][key]) > 0
    drawn = cv2.imread(row["annotated"])
    assert drawn is not None
    assert drawn.shape == (150, 200, 3)
    assert (drawn != workbench.picture(150, 200)).any()
    if task == "keypoint-detection":
        found = row["prediction"]
        assert [one["class_id"] for one in found["key_points"]] == [one["class_id"] for one in found["detections"]]
    if task == "depth-estimation":
        depth = np.load(row["prediction"]["file"], allow_pickle=False)
        assert list(depth.shape) == row["prediction"]["shape"] == [150, 200]
        assert float(depth.max()) == row["prediction"]["max"]
