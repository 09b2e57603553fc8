from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_models.cli.as_json import describe_prediction
from inference_models.predictions import Detections, KeyPoints

BOX = Detections(
    np.array([[1, 2, 3, 4]], np.float32), np.array([0]), np.array([0.5], np.float32), image_metadata={"a": 1}
)
POINTS = KeyPoints(
    np.array([[[1, 2]]], np.float32), np.array([0]), np.array([[0.5]], np.float32), image_metadata={"b": 2}
)


def test_a_prediction_is_its_dictionary() -> None:
    assert describe_prediction(BOX) == ("Detections", BOX.to_dict())


def test_key_points_and_boxes_are_one_object() -> None:
    kind, described = describe_prediction((POINTS, BOX))
    assert kind == "KeyPoints"
    assert described == {
        "key_points": POINTS.to_dict()["key_points"],
        "detections": BOX.to_dict()["detections"],
        "image_metadata": {"b": 2},
    }
    assert describe_prediction((POINTS, None)) == ("KeyPoints", POINTS.to_dict())


def test_parts_of_other_kinds_stay_a_list() -> None:
    assert describe_prediction(("a text", BOX)) == ("tuple", ["a text", BOX.to_dict()])
    assert describe_prediction(()) == ("tuple", [])
    assert describe_prediction("a text") == ("str", "a text")


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_map_is_described(kind: str) -> None:
    depth: Any = np.array([[1, 2, np.nan], [3, np.inf, 6]], np.float32)
    if kind == "torch":
        depth = pytest.importorskip("torch").from_numpy(depth)
    name, described = describe_prediction(depth, Path("out") / "a.npy")
    assert name == ("Tensor" if kind == "torch" else "ndarray")
    assert described == {
        "shape": [2, 3], "dtype": "float32", "min": 1, "max": 6, "mean": 3, "file": str(Path("out") / "a.npy")
    }  # fmt: skip
    described = describe_prediction(depth[:1, 2:])[1]
    assert (described["min"], described["max"], described["mean"], described["file"]) == (None, None, None, None)


def test_a_short_row_of_numbers_is_listed() -> None:
    row = np.array([1.0, 2.0])
    assert describe_prediction(row)[1] is row
