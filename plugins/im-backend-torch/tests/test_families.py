"""The YOLO families over TorchScript find what they find over ONNX Runtime in the same network."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from inference_models import AutoModel, CorruptedModelPackageError, Detections
from inference_models.developer_tools import pairwise_iou

SIZE, KEY_POINTS = 320, 5
NAMES = ("circle", "square", "star")
CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
    },
    "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": None},
    "post_processing": {"type": "nms", "fused": False},
}
SKELETON = {
    "object_class_id": 0,
    "keypoints": {str(number): f"joint {number}" for number in range(KEY_POINTS)},
    "edges": [{"from": 0, "to": 1}],
}


class Boxes(nn.Module):
    """Boxes and scores in YOLOv8's layout, (N, 4 + classes + more, anchors), that depend on the picture."""

    def __init__(self, *more: float, classes: int = len(NAMES)) -> None:
        super().__init__()
        self.cells = nn.Conv2d(3, 4 + classes + len(more), 8, stride=8)
        nn.init.normal_(self.cells.weight, std=0.25)
        nn.init.zeros_(self.cells.bias)
        scale = [SIZE, SIZE, SIZE / 4, SIZE / 4, *[1.0] * classes, *more]
        self.register_buffer("scale", torch.tensor(scale).reshape(1, -1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.cells(images).flatten(2).sigmoid() * self.scale


class Masks(nn.Module):
    """The same with 32 coefficients for each box, and the prototypes that they weigh: (N, 32, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes = Boxes(*[1.0] * 32)
        self.prototypes = nn.Conv2d(3, 32, 4, stride=4)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.boxes(images), self.prototypes(images)


class Classes(nn.Module):
    """Scores before softmax, (N, classes)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.last = nn.Linear(8, len(NAMES))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.layers(images)) * 8


TASKS: dict[str, Callable[[], nn.Module]] = {
    "object-detection": Boxes,
    "instance-segmentation": Masks,
    "keypoint-detection": lambda: Boxes(*[SIZE, SIZE, 1.0] * KEY_POINTS, classes=1),
    "classification": Classes,
}


def export(network: nn.Module, file: Path) -> None:
    outputs = [f"output{number}" for number in range(2 if isinstance(network, Masks) else 1)]
    axes = {name: {0: "batch"} for name in ("images", *outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, SIZE, SIZE),),
            file,
            dynamo=False,
            input_names=["images"],
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=17,
        )


def write_package(directory: Path, task: str, network: nn.Module, backend: str, batch: int | None = None) -> Path:
    directory.mkdir()
    described = {"model_architecture": "yolov8", "task_type": task, "backend_type": backend}
    config = {**CONFIG, "forward_pass": {"static_batch_size": batch}}
    if task == "classification":
        config["post_processing"] = {"type": "softmax", "fused": False}
    (directory / "model_config.json").write_text(json.dumps(described))
    (directory / "inference_config.json").write_text(json.dumps(config))
    (directory / "class_names.txt").write_text("\n".join(NAMES[:1] if task == "keypoint-detection" else NAMES))
    (directory / "keypoints_metadata.json").write_text(json.dumps([SKELETON]))
    if backend == "onnx":
        export(network, directory / "weights.onnx")
    else:
        with torch.no_grad():
            program = torch.jit.trace(network, torch.zeros(batch or 1, 3, SIZE, SIZE))
        torch.jit.save(program, str(directory / "weights.torchscript"))
    return directory


@pytest.fixture(scope="module", params=TASKS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any, Any]:
    """The task and one network twice: over TorchScript, and exported to ONNX."""
    task: str = request.param
    home = tmp_path_factory.mktemp(task)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = TASKS[task]().eval()
    models = [
        AutoModel.from_pretrained(write_package(home / name, task, network, name), device="cpu")
        for name in ("torch-script", "onnx")
    ]
    return task, *models


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = ((400, 240), (320, 320), (200, 500))
    small = [rng.integers(0, 256, (5, 7, 3), np.uint8) for _ in sizes]
    return [cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one, size in zip(small, sizes, strict=True)]


def assert_same_boxes(given: Detections, expected: Detections) -> None:
    assert len(given) == len(expected) > 2, "the comparison must be about something"
    np.testing.assert_array_equal(given.class_id, expected.class_id)
    np.testing.assert_allclose(given.confidence, expected.confidence, atol=1e-5)
    np.testing.assert_allclose(given.xyxy, expected.xyxy, atol=1e-2)


def test_predictions_are_those_of_onnx_runtime(both: tuple[str, Any, Any]) -> None:
    task, over_torch, over_onnx = both
    given, expected = over_torch(pictures()), over_onnx(pictures())

    if task == "classification":
        np.testing.assert_array_equal(given.class_id, expected.class_id)
        np.testing.assert_allclose(given.confidence, expected.confidence, atol=1e-5)
        return
    if task == "keypoint-detection":
        for points, wanted in zip(given[0], expected[0], strict=True):
            np.testing.assert_allclose(points.xy, wanted.xy, atol=1e-2)
            np.testing.assert_allclose(points.confidence, wanted.confidence, atol=1e-5)
        given, expected = given[1], expected[1]
    for boxes, wanted in zip(given, expected, strict=True):
        assert_same_boxes(boxes, wanted)
        if task == "instance-segmentation":
            assert wanted.mask.any()
            assert (boxes.mask != wanted.mask).mean() < 1e-4


def test_predictions_are_in_kind_and_on_the_host(both: tuple[str, Any, Any]) -> None:
    task, over_torch, _ = both
    picture = pictures()[1]
    tensor = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)))

    given, wanted = over_torch(tensor), over_torch(picture)
    if task == "keypoint-detection":
        given, wanted = given[1], wanted[1]
    if task != "classification":
        (given,), (wanted,) = given, wanted
    assert isinstance(given.confidence, torch.Tensor)
    assert isinstance(wanted.confidence, np.ndarray)
    np.testing.assert_allclose(given.confidence.numpy(), wanted.confidence, atol=1e-6)


def test_a_fixed_batch_is_filled_and_cut(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = Boxes().eval()
    free = AutoModel.from_pretrained(write_package(tmp_path / "free", "object-detection", network, "torch-script"))
    fixed = AutoModel.from_pretrained(write_package(tmp_path / "two", "object-detection", network, "torch-script", 2))

    for given, expected in zip(fixed(pictures()), free(pictures()), strict=True):
        assert_same_boxes(given, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
@pytest.mark.parametrize("task", ["object-detection", "instance-segmentation"])
def test_a_gpu_finds_what_the_cpu_finds_and_keeps_tensors(task: str, tmp_path: Path) -> None:
    """GPUs convolve in TF32, so a few boxes near the threshold may be others."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        directory = write_package(tmp_path / "package", task, TASKS[task]().eval(), "torch-script")
    picture = pictures()[1]
    tensor = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1))).cuda()
    on_cpu = AutoModel.from_pretrained(directory, device="cpu")(picture)[0]
    model = AutoModel.from_pretrained(directory, device="cuda")
    of_array, of_tensor = model(picture)[0], model(tensor)[0]

    assert isinstance(of_array.xyxy, np.ndarray)
    assert of_tensor.xyxy.device == torch.device("cuda:0")
    for given in (of_array, of_tensor.to_numpy()):
        same = given.class_id[:, None] == on_cpu.class_id[None]
        overlap = pairwise_iou(given.xyxy, on_cpu.xyxy)
        assert (same & (overlap > 0.95)).any(axis=0).mean() > 0.95
        assert abs(len(given) - len(on_cpu)) <= 0.05 * len(on_cpu)


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    class OfFour(Boxes):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.Conv2d(4, 7, 8, stride=8)

    class Wide(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(2)[:, :, :10].repeat(1, 3, 1)

    directory = write_package(tmp_path / "wide", "object-detection", Wide(), "torch-script")
    with pytest.raises(CorruptedModelPackageError, match="expected"):
        AutoModel.from_pretrained(directory)(pictures()[0])
    with torch.no_grad():
        program = torch.jit.trace(OfFour(), torch.zeros(1, 4, SIZE, SIZE))
    torch.jit.save(program, str(directory / "weights.torchscript"))
    with pytest.raises(CorruptedModelPackageError, match=r"found images \(None, 4, None, None\)"):
        AutoModel.from_pretrained(directory)
