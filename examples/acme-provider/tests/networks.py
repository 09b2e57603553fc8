"""A real small detector in YOLOv8's layout: scratches are green and stains red, in cells of 32 x 32 pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, CELL = 320, 32
CLASS_NAMES = ("scratch", "stain")
INFERENCE_CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 0,
        "input_channels": 3,
        "scaling_factor": 255,
    },
    "forward_pass": {"static_batch_size": None, "max_dynamic_batch_size": None},
    "post_processing": {"type": "nms", "fused": False},
}


def detector() -> onnx.ModelProto:
    """Return a network whose score for "scratch" is a cell's green less its red, and for "stain" the reverse."""
    grid = SIZE // CELL
    centres = (np.arange(grid, dtype=np.float32) + 0.5) * CELL
    y, x = np.meshgrid(centres, centres, indexing="ij")
    side = np.full(grid * grid, CELL, np.float32)
    constants = {
        "places": np.stack([x.ravel(), y.ravel(), side, side])[None],
        "weights": np.array([[-1, 1, 0], [1, -1, 0]], np.float32).reshape(2, 3, 1, 1),
        "shape": np.array([0, 2, -1]),
        "zero": np.zeros((), np.float32),
    }
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Conv", ["cells", "weights"], ["differences"]),
        helper.make_node("Reshape", ["differences", "shape"], ["rows"]),
        helper.make_node("Clip", ["rows", "zero"], ["scores"]),
        helper.make_node("ReduceMax", ["scores"], ["best"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["best", "zero"], ["nothing"]),  # as many zeros as there are images
        helper.make_node("Add", ["nothing", "places"], ["boxes"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "defects",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", 6, grid * grid])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_package(directory: Path) -> Path:
    """Write the detector as a package directory and return it."""
    directory.mkdir(parents=True)
    config = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"}
    onnx.save(detector(), directory / "weights.onnx")
    (directory / "model_config.json").write_text(json.dumps(config), "utf-8")
    (directory / "inference_config.json").write_text(json.dumps(INFERENCE_CONFIG), "utf-8")
    (directory / "class_names.txt").write_text("\n".join(CLASS_NAMES), "utf-8")
    return directory


def part_with_defects() -> npt.NDArray[np.uint8]:
    """Return a picture, (320, 320, 3) blue-green-red, a scratch at 64, 96 and a stain at 192, 160."""
    picture = np.full((SIZE, SIZE, 3), 40, np.uint8)
    picture[96 : 96 + CELL, 64 : 64 + CELL] = (40, 240, 40)
    picture[160 : 160 + CELL, 192 : 192 + CELL] = (40, 40, 240)
    return picture
