from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from im_yolo.detection import YOLODetector
from inference_models import (
    Detections,
    ModelInputError,
    PreProcessingOverrides,
    SessionClosedError,
)
from inference_models.developer_tools import TensorInfo

Floats = npt.NDArray[np.float64]


def by_hand(
    directory: Path,
    image: npt.NDArray[np.uint8],
    *,
    confidence: float,
    iou: float,
    agnostic: bool = False,
    resize_mode: str = "letterbox",
    size: int = 320,
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Detect with OpenCV, onnxruntime and loops alone; return boxes in source pixels, scores and classes."""
    height, width = image.shape[:2]
    if resize_mode == "stretch":
        new_width, new_height, left, top = size, size, 0, 0
    else:
        ratio = min(size / width, size / height)
        new_width, new_height = int(width * ratio), int(height * ratio)
        left, top = int((size - new_width) / 2), int((size - new_height) / 2)
    canvas = np.full((size, size, 3), 114, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = cv2.resize(image, (new_width, new_height))
    tensor = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB).astype(np.float32).transpose(2, 0, 1)[None] / 255
    session = onnxruntime.InferenceSession(directory / "weights.onnx", providers=["CPUExecutionProvider"])
    output = session.run(None, {"images": tensor})[0][0].astype(np.float64)
    found = []
    for anchor in output.T:
        class_id = int(anchor[4:].argmax())
        if anchor[4 + class_id] > confidence:
            x, y, w, h = anchor[:4]
            found.append((anchor[4 + class_id], class_id, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)))
    kept: list[Any] = []
    for one in sorted(found, key=lambda row: -row[0]):
        rivals = [other for other in kept if agnostic or other[1] == one[1]]
        if all(overlap(one[2], other[2]) <= iou for other in rivals):
            kept.append(one)
    boxes = np.array([row[2] for row in kept]).reshape(-1, 4) - [left, top, left, top]
    boxes *= [width / new_width, height / new_height] * 2
    boxes = np.clip(boxes, 0, [width, height, width, height])
    return boxes, np.array([row[0] for row in kept]), np.array([row[1] for row in kept])


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    inside = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return inside / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside)


def assert_same(found: Detections, expected: tuple[Floats, Floats, npt.NDArray[np.int64]]) -> None:
    boxes, scores, class_ids = expected
    assert len(found) == len(boxes)
    np.testing.assert_array_equal(found.class_id, class_ids)
    np.testing.assert_allclose(found.confidence, scores, atol=1e-5)
    np.testing.assert_allclose(found.xyxy, boxes, atol=0.02)


@pytest.mark.parametrize("resize_mode", ["letterbox", "stretch"])
@pytest.mark.parametrize("agnostic", [False, True])
@pytest.mark.parametrize(("confidence", "iou"), [(0.8, 0.3), (0.6, 0.7), (0.9, 0.5)])
def test_it_finds_what_a_loop_over_opencv_and_onnxruntime_finds(
    workbench: Any, resize_mode: str, agnostic: bool, confidence: float, iou: float
) -> None:
    directory = workbench.package(workbench.looking(), network_input={"resize_mode": resize_mode})
    model = workbench.open(directory)
    image = workbench.picture()
    (found,) = model(
        image, confidence=confidence, iou_threshold=iou, class_agnostic_nms=agnostic, max_detections=10_000
    )
    expected = by_hand(directory, image, confidence=confidence, iou=iou, agnostic=agnostic, resize_mode=resize_mode)
    assert 5 < len(expected[0]) < 1600
    assert_same(found, expected)


def test_predictions_have_the_promised_form(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    image = workbench.picture()
    (found,) = model(image, confidence=0.8)
    assert isinstance(found, Detections)
    assert found.xyxy.dtype == np.float32
    assert found.class_id.dtype == np.int32
    assert found.confidence.dtype == np.float32
    assert found.class_names == ("circle", "square", "star")
    assert list(model.class_names) == ["circle", "square", "star"]
    assert (np.diff(found.confidence) <= 0).all()
    assert (found.confidence > 0.8).all()
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [400, 240, 400, 240]).all()
    assert not np.array_equal(found.xyxy, found.xyxy.round())


def test_a_list_of_mixed_sizes_gives_what_each_image_gives(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    images = [
        workbench.picture(240, 400, 1),
        workbench.picture(500, 90, 2),
        workbench.picture(320, 320, 3),
        workbench.picture(7, 9, 4),
    ]
    together = model(images, confidence=0.7)
    assert len(together) == 4
    for image, found in zip(images, together, strict=True):
        (alone,) = model(image, confidence=0.7)
        np.testing.assert_array_equal(found.class_id, alone.class_id)
        np.testing.assert_allclose(found.xyxy, alone.xyxy, atol=1e-3)


def test_an_array_of_images_is_a_batch(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    images = [workbench.picture(100, 150, seed) for seed in range(3)]
    for found, expected in zip(model(np.stack(images), confidence=0.7), model(images, confidence=0.7), strict=True):
        np.testing.assert_array_equal(found.xyxy, expected.xyxy)


def record_batches(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that the size of every batch is added to."""
    session = model._boxes.package.network.session
    sizes: list[int] = []
    run = session.run

    def counted(feeds: Any) -> Any:
        sizes.append(len(feeds["images"]))
        return run(feeds)

    monkeypatch.setattr(session, "run", counted)
    return sizes


@pytest.mark.parametrize(
    ("batch", "forward_pass", "runs"),
    [
        (1, {"static_batch_size": 1}, [1, 1, 1, 1, 1]),
        (1, {}, [1, 1, 1, 1, 1]),
        (4, {"static_batch_size": 4}, [4, 4]),
        (4, {}, [4, 4]),
        (None, {"static_batch_size": 2}, [2, 2, 2]),
        (None, {"max_dynamic_batch_size": 3}, [3, 2]),
        (None, {}, [5]),
    ],
)
def test_five_images_run_in_the_batches_that_the_package_takes(
    workbench: Any,
    monkeypatch: pytest.MonkeyPatch,
    batch: int | None,
    forward_pass: dict[str, int],
    runs: list[int],
) -> None:
    model = workbench.load(workbench.looking(batch=batch), forward_pass=forward_pass)
    sizes = record_batches(model, monkeypatch)
    images = [workbench.picture(100, 150, seed) for seed in range(5)]
    together = model(images, confidence=0.7)
    assert sizes == runs
    for image, found in zip(images, together, strict=True):
        np.testing.assert_allclose(found.xyxy, model(image, confidence=0.7)[0].xyxy, atol=1e-3)


@pytest.mark.parametrize(
    ("stated", "forward_pass", "runs"),
    [
        ({"dynamic_batch_size_supported": True, "max_dynamic_batch_size": 3}, {}, [3, 2]),
        ({"dynamic_batch_size_supported": True, "max_dynamic_batch_size": 3}, {"max_dynamic_batch_size": 2}, [2, 2, 1]),
        ({"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 8}, {}, [8]),
        ({"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 2, "max_dynamic_batch_size": 4}, {}, [4, 2]),
        ({"static_batch_size": 4}, {}, [4, 4]),
    ],
)
def test_batches_are_as_the_packages_metadata_says_too(
    workbench: Any, monkeypatch: pytest.MonkeyPatch, stated: Any, forward_pass: Any, runs: list[int]
) -> None:
    directory = workbench.package(workbench.looking(), forward_pass=forward_pass)
    path = directory / "model_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **stated}))
    model = workbench.open(directory)
    sizes = record_batches(model, monkeypatch)
    images = [workbench.picture(100, 150, seed) for seed in range(5)]
    together = model(images, confidence=0.7)
    assert sizes == runs
    (alone,) = model(images[4], confidence=0.7)
    np.testing.assert_allclose(together[4].xyxy, alone.xyxy, atol=1e-3)


@pytest.mark.parametrize(("declared", "given"), [("rgb", "rgb"), ("bgr", "rgb"), ("bgr", "bgr"), ("bgr", None)])
def test_colours_arrive_in_the_networks_order(workbench: Any, declared: str, given: str | None) -> None:
    directory = workbench.package(workbench.looking(), network_input={"color_mode": declared})
    image = workbench.picture()
    # by_hand feeds a network that wants RGB from a BGR image.
    as_bgr = image if (given or "bgr") != declared else np.ascontiguousarray(image[..., ::-1])
    (found,) = workbench.open(directory)(image, input_color_format=given, confidence=0.8)
    assert_same(found, by_hand(directory, as_bgr, confidence=0.8, iou=0.3))


def test_a_half_precision_network_finds_nearly_the_same(workbench: Any) -> None:
    image = workbench.picture()
    (full,) = workbench.load(workbench.looking())(image, confidence=0.9)
    (half,) = workbench.load(workbench.looking(dtype="float16"))(image, confidence=0.9)
    assert half.xyxy.dtype == half.confidence.dtype == np.float32
    best = full.confidence > 0.92
    for box, score in zip(full.xyxy[best], full.confidence[best], strict=True):
        nearest = np.abs(half.xyxy - box).max(axis=1).argmin()
        np.testing.assert_allclose(half.xyxy[nearest], box, atol=1.5)
        np.testing.assert_allclose(half.confidence[nearest], score, atol=0.01)


def test_overrides_and_bad_images(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    assert len(model(workbench.picture(), pre_processing_overrides=PreProcessingOverrides(disable_grayscale=True))) == 1
    with pytest.raises(ModelInputError, match="element 1 of the list is None"):
        model([workbench.picture(), None])


def test_a_closed_model_says_so(workbench: Any) -> None:
    with workbench.load(workbench.looking()) as model:
        inputs, _ = model.pre_process(workbench.picture())
    with pytest.raises(SessionClosedError):
        model(workbench.picture())
    with pytest.raises(SessionClosedError):
        model.forward(inputs)


def test_threads_get_what_one_gets(workbench: Any) -> None:
    model = workbench.load(workbench.looking())
    images = [workbench.picture(100 + seed, 150, seed) for seed in range(6)]
    alone = [model(image, confidence=0.7)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: model(images[n % 6], confidence=0.7)[0], range(60)))
    for n, found in enumerate(together):
        np.testing.assert_array_equal(found.xyxy, alone[n % 6].xyxy)


def test_a_session_of_torch_tensors_serves_as_well(workbench: Any) -> None:
    torch = pytest.importorskip("torch")
    directory = workbench.package(workbench.looking())
    image = workbench.picture()
    (expected,) = workbench.open(directory)(image, confidence=0.8)
    session: Any = TorchSession(torch, onnx_weights(directory))
    model = YOLODetector.from_pretrained(directory, open_session=lambda _: session)
    (found,) = model(image, confidence=0.8)
    assert isinstance(found.xyxy, np.ndarray)
    np.testing.assert_array_equal(found.class_id, expected.class_id)
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.01)


def onnx_weights(directory: Path) -> dict[str, npt.NDArray[Any]]:
    import onnx

    graph = onnx.load(directory / "weights.onnx").graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


class TorchSession:
    """The network of `networks.looking` in torch, which tells shapes of neither inputs nor outputs beforehand."""

    array_kind, device = "torch", "cpu"
    inputs = (TensorInfo("input", (None, 3, None, None), "float32"),)
    outputs: tuple[TensorInfo, ...] = ()

    def __init__(self, torch: Any, constants: dict[str, npt.NDArray[Any]]) -> None:
        self._torch = torch
        self._weights = torch.from_numpy(constants["weights"].copy())
        self._scale = torch.from_numpy(constants["scale"].copy())

    def run(self, feeds: dict[str, Any]) -> dict[str, Any]:
        (images,) = feeds.values()
        assert isinstance(images, self._torch.Tensor)
        rows = self._torch.nn.functional.conv2d(images, self._weights, stride=8).flatten(2)
        return {"output": rows.sigmoid() * self._scale}

    def close(self) -> None:
        self._torch = None
