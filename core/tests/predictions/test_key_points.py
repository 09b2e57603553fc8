from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.errors import InvalidParameterError
from inference_models.predictions import KeyPoints

XY = np.array([[[1.5, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [0, 0]]], np.float32)


def make(kind: str = "numpy", **changes: Any) -> KeyPoints:
    values = {
        "xy": XY,
        "class_id": np.array([0, 1], np.int32),
        "confidence": np.array([[0.9, 0.8, 0.7], [0.5, 0.25, 0]], np.float32),
        "covariance": np.tile(np.eye(2, dtype=np.float32), (2, 3, 1, 1)),
        "detection_confidence": np.array([0.75, 0.5], np.float32),
        "class_names": ["person", "hand"],
        "key_points_classes": [["nose", "left", "right"], ["thumb", "index"]],
        "image_metadata": {"frame": 1},
        "key_points_metadata": [{"a": 1}, {"a": 2}],
    } | changes
    points = KeyPoints(**values)
    return points.to_torch() if kind == "torch" else points


@pytest.fixture(params=["numpy", "torch"])
def points(request: pytest.FixtureRequest) -> KeyPoints:
    return make(request.param)


def test_length_is_the_number_of_instances(points: KeyPoints) -> None:
    assert len(points) == 2
    assert points.names == ["person", "hand"]


def test_types_are_settled() -> None:
    points = KeyPoints(torch.ones(1, 2, 2).half(), torch.ones(1).long(), torch.ones(1, 2).double())
    assert (points.xy.dtype, points.class_id.dtype, points.confidence.dtype) == (
        torch.float32,
        torch.int32,
        torch.float32,
    )


@pytest.mark.parametrize("rows", [0, slice(0, 1), [0], np.array([True, False])])
def test_rows_choose_in_every_field(points: KeyPoints, rows: Any) -> None:
    chosen = points[rows]
    assert chosen.array_kind == points.array_kind
    assert chosen.to_dict() == {**points.to_dict(), "key_points": points.to_dict()["key_points"][:1]}
    assert tuple(chosen.covariance.shape) == (1, 3, 2, 2)


def test_iteration_gives_single_instances(points: KeyPoints) -> None:
    assert [instance.names for instance in points] == [["person"], ["hand"]]


def test_filter_by_detection_confidence(points: KeyPoints) -> None:
    assert points.detection_confidence is not None
    assert points[points.detection_confidence > 0.6].names == ["person"]


def test_to_dict(points: KeyPoints) -> None:
    result = points.to_dict()
    assert json.loads(points.to_json()) == result
    assert result["image_metadata"] == {"frame": 1}
    first = result["key_points"][0]
    assert list(first) == ["class_id", "class_name", "detection_confidence", "points", "metadata"]
    assert (first["class_name"], first["detection_confidence"], first["metadata"]) == ("person", 0.75, {"a": 1})
    point = {"name": "nose", "xy": [1.5, 2.0], "confidence": float(np.float32(0.9)), "covariance": [[1, 0], [0, 1]]}
    assert first["points"][0] == point
    # The second class has two points; the third is padding.
    assert [point["name"] for point in result["key_points"][1]["points"]] == ["thumb", "index", None]


def test_to_dict_without_what_is_optional() -> None:
    points = KeyPoints(XY, np.zeros(2, int), np.ones((2, 3)))
    first = points.to_dict()["key_points"][0]
    assert (first["class_name"], first["detection_confidence"]) == (None, None)
    assert first["points"][0] == {"name": None, "xy": [1.5, 2.0], "confidence": 1.0}
    assert "metadata" not in first


def test_to_supervision(points: KeyPoints) -> None:
    sv = pytest.importorskip("supervision")
    result = points.to_supervision()
    assert isinstance(result, sv.KeyPoints)
    assert np.array_equal(result.xy, XY)
    assert result.class_id.tolist() == [0, 1]
    assert result.keypoint_confidence.tolist() == points.confidence.tolist()
    assert result.detection_confidence.tolist() == [0.75, 0.5]
    assert result.visible.tolist() == [[True, True, True], [True, True, False]]
    assert result.data["class_name"].tolist() == ["person", "hand"]
    assert result.data["covariance"].shape == (2, 3, 2, 2)
    assert result[result.detection_confidence > 0.6].data["class_name"].tolist() == ["person"]
    picture = np.zeros((16, 16, 3), np.uint8)
    assert sv.VertexAnnotator(radius=1).annotate(picture.copy(), result).sum() > 0


def test_to_supervision_of_nothing(points: KeyPoints) -> None:
    pytest.importorskip("supervision")
    assert len(points[:0].to_supervision()) == 0
    plain = KeyPoints(XY[:0], np.zeros(0, int), np.zeros((0, 3))).to_supervision()
    assert plain.detection_confidence is None
    assert plain.data == {}


def test_repr(points: KeyPoints) -> None:
    assert repr(points) == "KeyPoints(2: 1 person, 1 hand; 3 points each)"
    assert repr(points[:0]) == "KeyPoints(0; 3 points each)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xy": XY[0]}, r"`xy` must have shape \(3, any, 2\)"),
        ({"xy": np.zeros((2, 3, 3))}, r"`xy` must have shape \(2, any, 2\)"),
        ({"class_id": np.zeros(2)}, "`class_id` must be .* of integers"),
        ({"confidence": np.zeros(2)}, r"`confidence` must have shape \(2, 3\)"),
        ({"covariance": np.zeros((2, 3, 2))}, r"`covariance` must have shape \(2, 3, 2, 2\)"),
        ({"detection_confidence": np.zeros(3)}, r"`detection_confidence` must have shape \(2\)"),
        ({"detection_confidence": torch.zeros(2)}, "one library"),
        ({"key_points_metadata": []}, "`key_points_metadata` must have one entry"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        make(**changes)


def test_skeletons_travel_along(points: KeyPoints) -> None:
    joined = make(skeletons=[[[0, 1], (np.int64(1), 2)], []])
    assert joined.skeletons == (((0, 1), (1, 2)), ())
    assert joined[1:].skeletons == joined.skeletons
    assert points.skeletons is None
