from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im_yolo.key_points import YOLOKeyPointsDetector, place_key_points
from inference_models import CorruptedModelPackageError, Detections, InvalidParameterError, KeyPoints
from inference_models.developer_tools import ImageDimensions, PreProcessingMetadata, StaticCropOffset

Floats = npt.NDArray[np.float64]

# Two classes with key points, of 3 and 2, and one without any: 3 slots in the network's output.
METADATA = [
    {"object_class_id": 0, "keypoints": {"0": "hub", "1": "rim", "2": "valve"}, "edges": [{"from": 0, "to": 1}]},
    {"object_class_id": 2, "keypoints": {"0": "tip", "1": "base"}, "edges": [{"from": 1, "to": 0}]},
]
COUNTS = (3, 0, 2)
SLOTS = 3


def write(workbench: Any, output: Any, *, metadata: Any = METADATA, architecture: str = "yolov8", **config: Any) -> Any:
    files = {} if metadata is None else {"keypoints_metadata.json": json.dumps(metadata)}
    network = workbench.saying(output.astype(np.float32))
    return workbench.package(network, architecture=architecture, task="keypoint-detection", files=files, **config)


def anchor_free(count: int, seed: int = 0) -> Floats:
    """Return a random raw output (4 + 3 classes + 3 * 3, count) over an input of 320 x 320."""
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([rng.uniform(20, 300, (2, count)), rng.uniform(10, 90, (2, count))])
    points = np.stack([rng.uniform(-20, 340, (SLOTS, count)), rng.uniform(-20, 340, (SLOTS, count)),
                       rng.uniform(0, 1, (SLOTS, count))], axis=1)  # fmt: skip
    return np.concatenate([boxes, rng.uniform(0, 1, (3, count)), points.reshape(-1, count)])


def end_to_end(count: int, seed: int = 0) -> Floats:
    """Return a random raw output (count, 6 + 3 * 3): boxes, scores, classes, points; half of the rows are filling."""
    columns = anchor_free(count, seed)
    x, y, w, h = columns[:4]
    scores = columns[4:7].max(axis=0) * (np.arange(count) < count // 2)
    classes = columns[4:7].argmax(axis=0)
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2, scores, classes, *columns[7:]], axis=1)


def overlap(a: Floats, b: Floats) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def kept_by_hand(rows: Floats, *, confidence: float, iou: float) -> list[Floats]:
    """Return the rows (x1, y1, x2, y2, score, class, points) that non-maximum suppression keeps, best first."""
    kept: list[Floats] = []
    for row in sorted((row for row in rows if row[4] > confidence), key=lambda row: -row[4]):
        if all(other[5] != row[5] or overlap(other, row) <= iou for other in kept):
            kept.append(row)
    return kept


def points_by_hand(row: Floats, threshold: float, size: tuple[int, int] = (240, 400)) -> Floats:
    """Return (3, 3) x, y, confidence in a source image that was letterboxed to 320 x 320."""
    height, width = size
    ratio = min(320 / width, 320 / height)
    new_width, new_height = int(width * ratio), int(height * ratio)
    left, top = (320 - new_width) // 2, (320 - new_height) // 2
    points = np.zeros((SLOTS, 3))
    for slot in range(SLOTS):
        x, y, confidence = row[6 + 3 * slot : 9 + 3 * slot]
        if slot < COUNTS[int(row[5])] and confidence >= threshold:
            x, y = (x - left) * width / new_width, (y - top) * height / new_height
            points[slot] = min(max(x, 0), width), min(max(y, 0), height), confidence
    return points


def assert_same(found: tuple[Any, Any], rows: list[Floats], threshold: float) -> None:
    (points,), (boxes,) = found
    assert isinstance(points, KeyPoints)
    assert isinstance(boxes, Detections)
    assert len(points) == len(boxes) == len(rows) > 0
    np.testing.assert_array_equal(points.class_id, [row[5] for row in rows])
    np.testing.assert_array_equal(boxes.class_id, points.class_id)
    np.testing.assert_allclose(boxes.confidence, [row[4] for row in rows], atol=1e-6)
    assert points.detection_confidence is not None
    np.testing.assert_array_equal(points.detection_confidence, boxes.confidence)
    expected = np.array([points_by_hand(row, threshold) for row in rows])
    np.testing.assert_allclose(points.xy, expected[..., :2], atol=1e-3)
    np.testing.assert_allclose(points.confidence, expected[..., 2], atol=1e-6)


@pytest.mark.parametrize("architecture", ["yolov8", "yolov11"])
@pytest.mark.parametrize("threshold", [None, 0.35])
def test_the_plain_layout_agrees_with_float64(workbench: Any, architecture: str, threshold: float | None) -> None:
    output = anchor_free(200)
    model = workbench.open(write(workbench, output, architecture=architecture))
    x, y, w, h = output[:4]
    scores, classes = output[4:7].max(axis=0), output[4:7].argmax(axis=0)
    rows = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2, scores, classes, *output[7:]], axis=1)
    options = {} if threshold is None else {"key_points_threshold": threshold}
    found = model(workbench.picture(), confidence=0.6, iou_threshold=0.4, **options)
    assert_same(found, kept_by_hand(rows, confidence=0.6, iou=0.4), threshold or 0)


@pytest.mark.parametrize(("architecture", "threshold"), [("yolov8", 0.0), ("yolov11", 0.0), ("yolo26", 0.3)])
def test_networks_that_drop_boxes_themselves(workbench: Any, architecture: str, threshold: float) -> None:
    output = end_to_end(40)
    directory = write(workbench, output, architecture=architecture, post_processing={"type": "nms", "fused": True})
    model = workbench.open(directory)
    rows = sorted((row for row in output if row[4] > 0.5), key=lambda row: -row[4])
    assert_same(model(workbench.picture(), confidence=0.5), rows, threshold)


def test_default_thresholds_are_the_familys(workbench: Any) -> None:
    output = end_to_end(40)
    (points,), _ = workbench.open(write(workbench, output, architecture="yolo26"))(workbench.picture())
    assert len(points) == (output[:, 4] > 0.25).sum()
    shown = points.confidence[points.confidence > 0]
    assert 0.3 <= shown.min() < 0.4


def test_names_and_skeletons(workbench: Any) -> None:
    model = workbench.open(write(workbench, anchor_free(20)))
    assert model.class_names == ["circle", "square", "star"]
    assert model.key_points_classes == [["hub", "rim", "valve"], [], ["tip", "base"]]
    assert model.skeletons == [[(0, 1)], [], [(1, 0)]]
    (points,), _ = model(workbench.picture())
    assert points.skeletons == (((0, 1),), (), ((1, 0),))
    assert points.key_points_classes == (("hub", "rim", "valve"), (), ("tip", "base"))
    assert points.class_names == ("circle", "square", "star")


def test_several_images_and_none_found(workbench: Any) -> None:
    model = workbench.open(write(workbench, anchor_free(20)))
    points, boxes = model([workbench.picture(), workbench.picture(100, 90)])
    assert len(points) == len(boxes) == 2
    assert points[1].xy[..., 0].max() <= 90
    points, boxes = model(workbench.picture(), confidence=1)
    assert points[0].xy.shape == (0, SLOTS, 2)
    assert points[0].confidence.shape == (0, SLOTS)
    assert len(boxes[0]) == 0


def test_one_instance_at_most(workbench: Any) -> None:
    model = workbench.open(write(workbench, anchor_free(50)))
    (points,), (boxes,) = model(workbench.picture(), max_detections=1)
    assert len(points) == len(boxes) == 1


@pytest.mark.parametrize("value", [-0.1, 1.5, "high", True, float("nan")])
def test_a_threshold_is_a_fraction(workbench: Any, value: Any) -> None:
    model = workbench.open(write(workbench, anchor_free(5)))
    with pytest.raises(InvalidParameterError, match="key_points_threshold must be"):
        model(workbench.picture(), key_points_threshold=value)


def test_the_file_with_key_points_is_missing(workbench: Any) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"keypoints_metadata\.json is missing"):
        workbench.open(write(workbench, anchor_free(5), metadata=None))


def test_the_file_contradicts_the_network(workbench: Any) -> None:
    with pytest.raises(CorruptedModelPackageError, match="further values"):
        workbench.open(write(workbench, anchor_free(5), metadata=METADATA[1:]))


def test_the_class_that_serves_yolov8_can_be_loaded_without_automodel(workbench: Any) -> None:
    directory = write(workbench, anchor_free(5))
    session = workbench.open(directory)._boxes.package.network.session
    model = YOLOKeyPointsDetector.from_pretrained(directory, open_session=lambda _: session)
    assert len(model(workbench.picture())[0]) == 1


NUMBERS = st.one_of(st.floats(-400, 800, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0]))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=0, max_size=12),
    st.integers(0, 4),
    st.floats(0, 1, width=32),
)
def test_placing_agrees_with_plain_python(values: list[tuple[float, float, float]], count: int, lowest: float) -> None:
    metadata = PreProcessingMetadata(
        pad_left=16, pad_top=0, pad_right=16, pad_bottom=0,
        original_size=ImageDimensions(500, 450), size_after_pre_processing=ImageDimensions(400, 360),
        inference_size=ImageDimensions(320, 320), scale_width=0.8, scale_height=0.8,
        static_crop_offset=StaticCropOffset(30, 40, 360, 400),
    )  # fmt: skip
    slots = 4
    values = values[: len(values) // slots * slots]
    raw = np.array(values, np.float32).reshape(-1, 3 * slots)
    xy, confidence = place_key_points(raw, np.full(len(raw), count), metadata, lowest)
    assert xy.shape == (len(raw), slots, 2)
    for index, (x, y, sure) in enumerate(raw.reshape(-1, 3).tolist()):
        row, slot = divmod(index, slots)
        if slot < count and np.isfinite([x, y, sure]).all() and sure >= lowest:
            expected = [min(max((x - 16) / 0.8 + 30, 0), 450), min(max(y / 0.8 + 40, 0), 500)]
            np.testing.assert_allclose(xy[row, slot], expected, atol=1e-3)
            assert confidence[row, slot] == np.float32(sure)
        else:
            assert not xy[row, slot].any()
            assert confidence[row, slot] == 0


def test_torch_in_torch_out(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    image = workbench.picture()
    tensor = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    points, boxes = workbench.open(write(workbench, anchor_free(30)))([image, tensor])
    for expected, found in (points, boxes):
        assert (expected.array_kind, found.array_kind) == ("numpy", "torch")
        assert found.to_dict() == expected.to_dict()


@pytest.mark.parametrize("window", [(0, 50, 0, 50), (25, 75, 50, 100)])
def test_a_static_crop_is_undone(workbench: Any, window: tuple[int, ...]) -> None:
    x_min, x_max, y_min, y_max = window
    crop = {"enabled": True, "x_min": x_min, "x_max": x_max, "y_min": y_min, "y_max": y_max}
    output = end_to_end(2)
    output[0] = [32, 64, 160, 320, 0.9, 0, 32, 64, 0.9, 160, 320, 0.8, 320, 320, 0.7]
    steps = {"image_pre_processing": {"static-crop": crop}, "network_input": {"resize_mode": "stretch"}}
    model = workbench.open(write(workbench, output, architecture="yolo26", **steps))
    (points,), (boxes,) = model(workbench.picture(200, 400), confidence=0.89)
    origin = np.array([4 * x_min, 2 * y_min])
    relative = np.array([[20, 20], [100, 100], [200, 100]])
    np.testing.assert_allclose(points.xy[0], origin + relative, atol=1e-3)
    np.testing.assert_allclose(boxes.xyxy[0], [*(origin + relative[0]), *(origin + relative[1])], atol=1e-3)
