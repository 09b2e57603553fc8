"""ONNX networks that say what they compute, and one as large as YOLOv8's smallest; and packages of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
BIAS = np.array([0.5, -1.0, 2.0, 0.25], dtype=np.float32)


def make(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Sequence[Any]],
    outputs: dict[str, Sequence[Any]],
    constants: dict[str, npt.NDArray[Any]],
    element: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a network of the given nodes; text in a shape makes the axis free."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, element, list(shape)) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, element, list(shape)) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def linear(element: int = TensorProto.FLOAT, dtype: Any = np.float32, batch: Any = "batch") -> onnx.ModelProto:
    """Return `y = x @ WEIGHTS + BIAS` and `doubled = x + x`, x of shape (any, 3)."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["doubled"]),
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("Add", ["xw", "b"], ["y"]),
    ]
    constants = {"w": WEIGHTS.astype(dtype), "b": BIAS.astype(dtype)}
    return make(nodes, {"x": [batch, 3]}, {"y": [batch, 4], "doubled": [batch, 3]}, constants, element)


def move_weights_to(network: onnx.ModelProto, location: str) -> onnx.ModelProto:
    """Return a copy of `network` whose first weights claim to lie in the file `location`."""
    moved = onnx.ModelProto()
    moved.CopyFrom(network)
    tensor = moved.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return moved


def difference() -> onnx.ModelProto:
    """Return a network with two inputs: `least = minuend - subtrahend`."""
    nodes = [helper.make_node("Sub", ["minuend", "subtrahend"], ["least"])]
    return make(nodes, {"minuend": ["n", 2], "subtrahend": ["n", 2]}, {"least": ["n", 2]}, {})


def detector(size: int = 640, widths: Sequence[int] = (16, 32, 64, 128, 256), classes: int = 80) -> onnx.ModelProto:
    """Return a YOLOv8 detector with seeded weights: with these widths 3.2 million of them, as YOLOv8n has.

    Five steps of convolutions halve the picture. A head on each of the last three gives a box around each of its cells,
    and scores of which few are high.
    """
    network = _Layers()
    current, width, heads = "images", 3, []
    for step, into in enumerate(widths):
        current = network.activate(network.convolve(current, width, into, stride=2))
        for _ in range(3 if into == widths[-1] else 1):
            current = network.activate(network.convolve(current, into, into))
        width = into
        if step >= len(widths) - 3:
            hidden = network.activate(network.convolve(current, width, width))
            heads.append(network.rows(network.convolve(hidden, width, 4 + classes, kernel=1), 4 + classes))
    cells = [_cells(size, 2 ** (len(widths) - back)) for back in (2, 1, 0)]
    corners, strides = (np.concatenate(parts, axis=1)[None] for parts in zip(*cells, strict=True))
    network.constants |= {
        "parts": np.array([2, 2, classes]),
        "corners": corners,
        "spread": strides * 2,
        "sides": strides * 8,
        "gain": np.array(12, np.float32),
        "doubt": np.array(-5, np.float32),
    }
    network.nodes += [
        helper.make_node("Concat", heads, ["anchors"], axis=2),
        helper.make_node("Split", ["anchors", "parts"], ["places", "sizes", "classes"], axis=1),
        helper.make_node("Sigmoid", ["places"], ["places_s"]),
        helper.make_node("Mul", ["places_s", "spread"], ["offsets"]),
        helper.make_node("Add", ["offsets", "corners"], ["centres"]),
        helper.make_node("Sigmoid", ["sizes"], ["sizes_s"]),
        helper.make_node("Mul", ["sizes_s", "sides"], ["extents"]),
        helper.make_node("Mul", ["classes", "gain"], ["strong"]),
        helper.make_node("Add", ["strong", "doubt"], ["doubtful"]),
        helper.make_node("Sigmoid", ["doubtful"], ["scores"]),
        helper.make_node("Concat", ["centres", "extents", "scores"], ["output0"], axis=1),
    ]
    outputs = {"output0": ["batch", 4 + classes, corners.shape[2]]}
    return make(network.nodes, {"images": ["batch", 3, size, size]}, outputs, network.constants)


class _Layers:
    """Nodes and seeded weights of a network under construction. Each method returns the name of what it adds."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}

    def convolve(self, source: str, width: int, into: int, *, kernel: int = 3, stride: int = 1) -> str:
        name = f"conv{len(self.nodes)}"
        weights = self.rng.standard_normal((into, width, kernel, kernel)) * (2 / (width * kernel**2)) ** 0.5
        self.constants[f"{name}_w"] = weights.astype(np.float32)
        pads, strides = [kernel // 2] * 4, [stride, stride]
        self.nodes.append(helper.make_node("Conv", [source, f"{name}_w"], [name], pads=pads, strides=strides))
        return name

    def activate(self, source: str) -> str:
        self.nodes.append(helper.make_node("Sigmoid", [source], [f"{source}_s"]))
        self.nodes.append(helper.make_node("Mul", [source, f"{source}_s"], [f"{source}_a"]))
        return f"{source}_a"

    def rows(self, source: str, count: int) -> str:
        self.constants["rows"] = np.array([0, count, -1])
        self.nodes.append(helper.make_node("Reshape", [source, "rows"], [f"{source}_rows"]))
        return f"{source}_rows"


def _cells(size: int, stride: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the left upper corner of each cell of a head, (2, cells), and its size, (1, cells), in pixels."""
    y, x = np.mgrid[0:size:stride, 0:size:stride].astype(np.float32)
    corners = np.stack([x.ravel(), y.ravel()]) - np.float32(stride / 2)
    return corners, np.full((1, corners.shape[1]), stride, np.float32)


def write_onnx_package(directory: Path, network: onnx.ModelProto, **files: object) -> Path:
    """Write an ONNX package of a network; further files by their name without ".json"."""
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(network, directory / "weights.onnx")
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return directory


def write_detector_package(directory: Path, network: onnx.ModelProto, *, size: int, classes: int) -> Path:
    """Write an ONNX package of `detector(size, ..., classes)`."""
    write_onnx_package(
        directory,
        network,
        model_config={"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"},
        inference_config={
            "network_input": {
                "training_input_size": {"height": size, "width": size},
                "dynamic_spatial_size_supported": False,
                "color_mode": "rgb",
                "resize_mode": "letterbox",
                "padding_value": 114,
                "input_channels": 3,
                "scaling_factor": 255,
            },
            "forward_pass": {"static_batch_size": None},
            "post_processing": {"type": "nms", "fused": False},
        },
    )
    (directory / "class_names.txt").write_text("\n".join(f"class-{number}" for number in range(classes)), "utf-8")
    return directory
