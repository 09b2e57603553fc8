"""The command line on a real detector, where the demonstration and a backend are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from click.testing import Result

im_demo = pytest.importorskip("im_demo")
pytest.importorskip("im_yolo")
pytest.importorskip("im_backend_onnx")
pytest.importorskip("onnxruntime")

Im = Callable[..., Result]


def test_shapes(im_run: Im, tmp_path: Path) -> None:
    picture = im_demo.picture_path()
    result = im_run("predict", "demo://shapes", picture, "--json", "--backend", "onnx", "--output", tmp_path)
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)["predictions"]
    image = cv2.imread(str(picture))
    assert image is not None
    assert (row["height"], row["width"]) == image.shape[:2]
    found = row["prediction"]["detections"]
    assert len(found) > 3
    assert {one["class_name"] for one in found} <= {"circle", "square", "triangle", "star", "hexagon", "cross"}
    assert all(one["xyxy"][0] < one["xyxy"][2] <= row["width"] for one in found)
    drawn = cv2.imread(row["annotated"])
    assert drawn is not None
    assert drawn.shape == image.shape

    second = sorted(one["confidence"] for one in found)[-2] - 1e-4
    fewer = im_run("predict", "demo://shapes", picture, "--json", "--backend", "onnx", "--confidence", second)
    assert len(json.loads(fewer.stdout)["predictions"][0]["prediction"]["detections"]) == 2


def test_a_device_that_is_not_there(im_run: Im) -> None:
    result = im_run("predict", "demo://shapes", im_demo.picture_path(), "--backend", "onnx", "--device", "cuda:99")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "cuda" in result.stderr
