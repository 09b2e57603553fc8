"""Key points, their confidence and covariance, against a plain reading of the same output."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from inference_models import AutoModel, CorruptedModelPackageError, InvalidParameterError

NAMES = ("person", "dog", "background")
POINTS = [
    {"object_class_id": 0, "keypoints": {"0": "nose", "1": "left", "2": "right"}, "edges": [{"from": 0, "to": 1}]},
    {"object_class_id": 1, "keypoints": {"0": "snout", "1": "tail"}},
]
QUERIES, SLOTS, MOST = 5, 2, 3


def outputs(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (QUERIES, SLOTS * MOST, 8))
    points[..., :2] = rng.uniform(-0.05, 1.05, points[..., :2].shape)
    points[..., 4] += 3
    points[..., 6] += 2
    return {
        "dets": rng.uniform(0.1, 0.6, (QUERIES, 4)),
        "labels": rng.normal(0, 2, (QUERIES, 3)),
        "keypoints": points,
    }


def load(bench, said: Any, points: Any = POINTS, **options: Any) -> Any:
    files = {"keypoints_metadata.json": points}
    return bench.load("keypoint-detection", network=bench.saying(**said), names=NAMES, files=files, **options)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def reference(said: Any, width: int, height: int, counts: tuple[int, ...] = (3, 2)) -> list[dict[str, Any]]:
    """Read the output pair by pair, inverting each precision matrix."""
    logits = said["labels"].astype(np.float32)
    pairs = sorted((-sigmoid(float(logits[q, c])), q, c) for q in range(QUERIES) for c in range(3))[:QUERIES]
    instances = []
    for score, query, column in pairs:
        if column >= len(counts):
            instances.append({"class": column, "score": -score, "points": []})
            continue
        points, traces, weights = [], [], []
        for x, y, find, _, log_l11, l21, log_l22, _ in said["keypoints"][query].reshape(SLOTS, MOST, 8)[column][
            : counts[column]
        ]:
            factor = np.array([[math.exp(log_l11), 0], [l21, math.exp(log_l22)]])
            covariance = np.linalg.inv(factor @ factor.T)
            traces.append(np.trace(covariance))
            weights.append(sigmoid(find))
            pixels = np.diag([width, height])
            points.append((x * width, y * height, sigmoid(find), pixels @ covariance @ pixels))
        mean = np.average(traces, weights=weights)
        ratio = -score * mean**-0.2
        instances.append({"class": column, "score": ratio / (1 + ratio), "points": points})
    return sorted(instances, key=lambda one: -one["score"])


@pytest.mark.parametrize("seed", range(4))
def test_points_scores_and_covariances_are_those_of_a_plain_reading(bench, seed: int) -> None:
    said = outputs(seed)
    model = load(bench, said)
    [points], [boxes] = model(bench.picture(100, 200), confidence=0.05, key_points_threshold=0.4)
    expected = [one for one in reference(said, 200, 100) if one["score"] > 0.05]
    assert len(points) == len(boxes) == len(expected) > 0
    np.testing.assert_allclose(points.detection_confidence, [one["score"] for one in expected], rtol=1e-4)
    np.testing.assert_array_equal(points.detection_confidence, boxes.confidence)
    for row, one in enumerate(expected):
        assert points.class_id[row] == boxes.class_id[row] == one["class"]
        for place in range(MOST):
            xy, confidence = points.xy[row, place], points.confidence[row, place]
            if place < len(one["points"]) and one["points"][place][2] >= 0.4:
                x, y, find, covariance = one["points"][place]
                np.testing.assert_allclose([*xy, confidence], [x, y, find], rtol=1e-4, atol=1e-3)
                np.testing.assert_allclose(points.covariance[row, place], covariance, rtol=1e-3)
            else:
                assert [*xy, confidence] == [0, 0, 0]
                assert np.isnan(points.covariance[row, place]).all()


def test_names_and_skeletons(bench) -> None:
    model = load(bench, outputs())
    assert model.key_points_classes == [["nose", "left", "right"], ["snout", "tail"], []]
    assert model.skeletons == [[(0, 1)], [], []]


def test_classes_that_the_package_removes(bench) -> None:
    said = outputs()
    operations = [{"type": "class_name_removal", "class_name": "person"}]
    model = load(bench, said, class_names_operations=operations)
    assert (model.class_names, model.key_points_classes) == (["dog", "background"], [["snout", "tail"], []])
    [points], _ = model(bench.picture(100, 200), confidence=0.0)
    whole = load(bench, said)
    [everything], _ = whole(bench.picture(100, 200), confidence=0.0)
    kept = everything[everything.class_id > 0]
    np.testing.assert_array_equal(points.xy, kept.xy)
    np.testing.assert_array_equal(points.class_id, kept.class_id - 1)


@pytest.mark.filterwarnings("error")
def test_extreme_values_do_not_overflow(bench) -> None:
    said = outputs()
    precisions = [[80.0, 1e9, -80], [-80, 0, 80], [np.nan, 0, 0], [0, 0, 0], [9, 9, 9], [0, 1, 2]]
    said["keypoints"][:, :, 4:7] = np.array(precisions)
    [points], _ = load(bench, said)(bench.picture(), confidence=0.0)
    assert np.isfinite(points.detection_confidence).all()
    assert (points.detection_confidence < 1).all()


def test_boxes_of_nan_are_left_out_before_the_limit(bench) -> None:
    said = outputs()
    [points], [boxes] = load(bench, said)(bench.picture(100, 200), confidence=0.05)
    best = int(np.argmin(np.abs(said["dets"][:, 0] * 200 - boxes.xyxy[0, ::2].mean())))
    said["dets"][best, 1] = np.nan
    model = load(bench, said)
    [others], [found] = model(bench.picture(100, 200), confidence=0.05)
    assert np.isfinite(found.xyxy).all()
    kept = np.flatnonzero((boxes.xyxy != boxes.xyxy[0]).any(axis=1))
    np.testing.assert_array_equal(found.xyxy, boxes.xyxy[kept])
    np.testing.assert_array_equal(others.xy, points.xy[kept])
    _, [one] = model(bench.picture(100, 200), confidence=0.05, max_detections=1)
    np.testing.assert_array_equal(one.xyxy, found.xyxy[:1])


def test_tensors_give_tensors(bench) -> None:
    torch = pytest.importorskip("torch")
    model, image = load(bench, outputs()), bench.picture(100, 200)
    [points], [boxes] = model(torch.from_numpy(image.transpose(2, 0, 1).copy()), input_color_format="bgr")
    [expected], _ = model(image)
    assert isinstance(boxes.xyxy, torch.Tensor)
    np.testing.assert_array_equal(points.covariance.numpy(), expected.covariance)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (POINTS[1:], "network gives 6 key points of 8 values.*expected a multiple of 2"),
        ([{**POINTS[0], "object_class_id": 2}], "at least 9"),
        ([], "expected a multiple of 0"),
        ([{**POINTS[0], "object_class_id": 7}], "object_class_id"),
    ],
)
def test_key_points_that_are_not_the_networks(bench, points: Any, message: str) -> None:
    if points == POINTS[1:]:
        points = [
            {"object_class_id": 2, "keypoints": {"0": "a", "1": "b"}},
            {"object_class_id": 1, "keypoints": {"0": "c"}},
        ]
        said = {**outputs(), "keypoints": np.zeros((QUERIES, 5, 8))}
        message = message.replace("6", "5")
    else:
        said = outputs()
    with pytest.raises(CorruptedModelPackageError, match=message):
        load(bench, said, points)


def test_a_missing_file_and_bad_options(bench) -> None:
    network = bench.saying(**outputs())
    with pytest.raises(CorruptedModelPackageError, match=r"keypoints_metadata\.json is missing"):
        bench.load("keypoint-detection", network=network, names=NAMES)
    model = load(bench, outputs())
    with pytest.raises(InvalidParameterError, match="key_points_threshold"):
        model(bench.picture(), key_points_threshold=3)


def test_there_is_none_on_torch(bench) -> None:
    directory = bench.package("keypoint-detection", backend="torch")
    [verdict] = AutoModel.explain(directory).verdicts
    assert "is implemented for instance-segmentation, object-detection" in (verdict.reason or "")
