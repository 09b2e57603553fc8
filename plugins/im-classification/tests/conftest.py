"""Packages of classifiers, made on the spot: ONNX networks by hand, ResNets and ViTs with seeded weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from attrs import frozen
from onnx import TensorProto, helper

from inference_models import AutoModel
from inference_models.testing import write_package

NAMES = ("cat", "dog", "fish")
SIZE = 64
SOFTMAX = {"type": "softmax", "fused": False}
SIGMOID = {"type": "sigmoid", "fused": False}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [MEAN, STD],
    },
    "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": None},
}


@frozen
class Workbench:
    """Writes packages and draws pictures."""

    directory: Path

    def package(
        self,
        backend: str = "onnx",
        *,
        architecture: str = "resnet",
        multi: bool = False,
        names: tuple[str, ...] = NAMES,
        files: Mapping[str, bytes] | None = None,
        **config: Any,
    ) -> Path:
        """Write a package with the given files; `config` is laid over `CONFIG`, section by section."""
        base = {**CONFIG, "post_processing": SIGMOID if multi else SOFTMAX}
        sections = {
            key: {**base.get(key, {}), **value} if isinstance(value, dict) else value for key, value in config.items()
        }
        return write_package(
            self.directory,
            architecture=architecture,
            task_type="multi-label-classification" if multi else "classification",
            backend=backend,
            class_names=names,
            inference_config={**base, **sections},
            files=files,
        )

    def averaging(self, weights: npt.NDArray[np.float32], size: int | None = SIZE, batch: int | None = None) -> bytes:
        """Return an ONNX network that gives each class a weighted sum of the input's means (red, green, blue)."""
        nodes = [
            helper.make_node("ReduceMean", ["pixel_values"], ["means"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        ]
        rows, side = batch or "batch", size or "side"
        graph = helper.make_graph(
            nodes,
            "classifier",
            [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [rows, 3, side, side])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [rows, weights.shape[1]])],
            [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        content: bytes = made.SerializeToString()
        return content

    def open(self, directory: Path, **options: Any) -> Any:
        """Load a package as users do."""
        return AutoModel.from_pretrained(directory, device="cpu", **options)

    def picture(self, height: int = 90, width: int = 120, seed: int = 0) -> npt.NDArray[np.uint8]:
        """Return smooth colours with noise, blue-green-red."""
        rng = np.random.default_rng(seed)
        image = cv2.resize(rng.integers(0, 256, (3, 4, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        noisy = image.astype(np.int16) + rng.integers(-12, 13, image.shape)
        picture: npt.NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
        return picture

    def expected_input(self, image: npt.NDArray[np.uint8], size: int = SIZE) -> npt.NDArray[np.float64]:
        """Return (1, 3, size, size): the picture as torchvision's users prepare it, in float64."""
        sized = cv2.resize(image, (size, size))[..., ::-1].astype(np.float64) / 255
        return ((sized - MEAN) / STD).transpose(2, 0, 1)[None]


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "package")


@pytest.fixture(scope="session")
def references() -> Any:
    """What references.py defines: a conftest can import nothing that lies beside it."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("references", Path(__file__).with_name("references.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def as_tensor() -> Any:
    """Return a function from a BGR picture to the tensor (3, H, W), RGB, that torchvision would read."""
    torch = pytest.importorskip("torch")
    return lambda image: torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
