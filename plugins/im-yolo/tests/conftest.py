"""Small YOLOv8-layout networks, built by hand with `onnx.helper`, in complete packages."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from attrs import frozen
from onnx import TensorProto, helper, numpy_helper

from inference_models import AutoModel
from inference_models.testing import write_package

Network: TypeAlias = onnx.ModelProto
Constant: TypeAlias = npt.NDArray[Any]
ELEMENT_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}

CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": 320, "width": 320},
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
NAMES = ("circle", "square", "star")


@frozen
class Workbench:
    """Makes networks with YOLOv8's output (batch, 4 + classes, anchors), packages of them, and pictures."""

    directory: Path

    def looking(
        self, *, classes: int = 3, size: int = 320, batch: int | None = None, dtype: str = "float32", seed: int = 0
    ) -> Network:
        """Return a network whose boxes and scores depend on the image: a convolution of seeded random weights."""
        rng = np.random.default_rng(seed)
        rows = 4 + classes
        weights = rng.normal(0, 0.25, (rows, 3, 8, 8)).astype(dtype)
        # Centre x and y, width and height in pixels, then scores; sigmoids bring all into 0 to 1 first.
        scale = np.array([size, size, size / 4, size / 4] + [1] * classes, dtype).reshape(1, rows, 1)
        shape = np.array([0, rows, -1], np.int64)
        nodes = [
            helper.make_node("Conv", ["images", "weights"], ["conv"], strides=[8, 8]),
            helper.make_node("Reshape", ["conv", "shape"], ["rows"]),
            helper.make_node("Sigmoid", ["rows"], ["sigmoid"]),
            helper.make_node("Mul", ["sigmoid", "scale"], ["output0"]),
        ]
        element, batch_axis = ELEMENT_TYPES[dtype], batch or "batch"
        return make_model(
            nodes,
            {"weights": weights, "scale": scale, "shape": shape},
            helper.make_tensor_value_info("images", element, [batch_axis, 3, size, size]),
            helper.make_tensor_value_info("output0", element, [batch_axis, rows, (size // 8) ** 2]),
        )

    def saying(self, *outputs: npt.NDArray[np.float32], size: int = 320) -> Network:
        """Return a network that says `outputs` (any shapes, without the batch axis) about every image."""
        nodes = [
            helper.make_node("ReduceMax", ["images"], ["brightest"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["brightest", "zero"], ["zeros"]),
        ]
        constants: dict[str, Constant] = {"zero": np.zeros((), np.float32)}
        described = []
        for place, output in enumerate(outputs):
            column, axes, said, name = (f"{what}{place}" for what in ("column", "axes", "said", "output"))
            nodes.append(helper.make_node("Unsqueeze", ["zeros", axes], [column]))
            nodes.append(helper.make_node("Add", [column, said], [name]))
            constants |= {said: output, axes: np.arange(1, output.ndim + 1)}
            described.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *output.shape]))
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, size, size])
        return make_model(nodes, constants, images, *described)

    def package(
        self,
        network: Network,
        *,
        names: tuple[str, ...] | None = NAMES,
        architecture: str = "yolov8",
        task: str = "object-detection",
        files: Mapping[str, str] | None = None,
        **config: Any,
    ) -> Path:
        """Write a complete package with further `files`; `config` is laid over `CONFIG`, section by section."""
        sections = {
            key: {**CONFIG.get(key, {}), **value} if isinstance(value, dict) else value for key, value in config.items()
        }
        return write_package(
            self.directory,
            architecture=architecture,
            task_type=task,
            backend="onnx",
            class_names=names,
            inference_config={**CONFIG, **sections},
            files={**(files or {}), "weights.onnx": network.SerializeToString()},
        )

    def load(self, network: Network, **config: Any) -> Any:
        """Write a package and load it."""
        return self.open(self.package(network, **config))

    def open(self, directory: Path) -> Any:
        """Load a package as users do."""
        return AutoModel.from_pretrained(directory, device="cpu")

    def picture(self, height: int = 240, width: int = 400, seed: int = 0) -> npt.NDArray[np.uint8]:
        """Return smooth colours, sharp shapes and noise."""
        rng = np.random.default_rng(seed)
        image = cv2.resize(rng.integers(0, 256, (4, 6, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(12):
            corner = rng.integers(0, [width, height])
            color = rng.integers(0, 256, 3).tolist()
            if rng.random() < 0.5:
                cv2.circle(image, corner.tolist(), int(rng.integers(5, 60)), color, -1)
            else:
                cv2.rectangle(image, corner.tolist(), (corner + rng.integers(5, 90, 2)).tolist(), color, -1)
        noisy = image.astype(np.int16) + rng.integers(-12, 13, image.shape)
        picture: npt.NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
        return picture


def make_model(nodes: list[Any], constants: dict[str, Constant], images: Any, *outputs: Any) -> Network:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "yolov8-layout", [images], list(outputs), initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _defined_in(name: str) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name(name))))


@pytest.fixture(scope="session")
def networks() -> SimpleNamespace:
    """What networks.py defines: networks that look at the picture, of every layout."""
    return _defined_in("networks.py")


@pytest.fixture(scope="session")
def references() -> SimpleNamespace:
    """What references.py defines: plain float64 readings of networks' outputs."""
    return _defined_in("references.py")


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "package")
