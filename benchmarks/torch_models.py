"""The benchmark networks as TorchScript: the operations and weights of their ONNX graphs, played by torch."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from onnx import helper, numpy_helper
from torch.nn import functional as F

from models import DETECTION, SIZE, Kind, build_yolov8n, build_yolov8n_package

Attributes = Mapping[str, Any]
Play = Callable[[list[Any], Attributes], Any]


def _conv(x: list[Any], attributes: Attributes) -> torch.Tensor:
    return F.conv2d(x[0], x[1], x[2], attributes["strides"], attributes["pads"][:2])


PLAYS: Mapping[str, Play] = {
    "Conv": _conv,
    "Sigmoid": lambda x, _: x[0].sigmoid(),
    "Mul": lambda x, _: x[0] * x[1],
    "Add": lambda x, _: x[0] + x[1],
    "Sub": lambda x, _: x[0] - x[1],
    "Concat": lambda x, attributes: torch.cat(x, attributes["axis"]),
    "Resize": lambda x, _: F.interpolate(x[0], scale_factor=2.0, mode="nearest"),
    "MaxPool": lambda x, _: F.max_pool2d(x[0], 5, 1, 2),
    "Reshape": lambda x, _: x[0].reshape(x[1]),
    "Softmax": lambda x, attributes: x[0].softmax(attributes["axis"]),
    "ReduceSum": lambda x, attributes: x[0].sum(x[1], keepdim=bool(attributes["keepdims"])),
    "Split": lambda x, attributes: x[0].split(x[1], attributes["axis"]),
}


class Player(torch.nn.Module):
    """Computes what an ONNX graph of `graphs.Graph` describes."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        graph = network.graph
        self.nodes = list(graph.node)
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.shapes: dict[str, list[int]] = {}
        for constant in graph.initializer:
            value = numpy_helper.to_array(constant)
            if value.dtype.kind == "f":
                self.register_buffer(constant.name, torch.from_numpy(value.copy()))
            else:
                self.shapes[constant.name] = value.tolist()

    def forward(self, images: torch.Tensor) -> Any:
        values: dict[str, Any] = {self.input: images, **self.shapes, **dict(self.named_buffers())}
        for node in self.nodes:
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            result = PLAYS[node.op_type]([values[name] for name in node.input if name], attributes)
            values.update(zip(node.output, result if node.op_type == "Split" else [result], strict=True))
        return values[self.output]


def build_yolov8n_torch_script(directory: str | Path, kind: Kind = DETECTION, detections: int = 100) -> Path:
    """Write a complete local package into `directory`, with the same network twice, and return it.

    It is a package of the backend torch-script; `weights.onnx`, which its network was made of, lies beside it.
    """
    directory = build_yolov8n_package(directory, kind, detections)
    described = {"model_architecture": kind.architecture, "task_type": kind.task, "backend_type": "torch-script"}
    (directory / "model_config.json").write_text(json.dumps(described))
    player = Player(build_yolov8n(kind, detections)).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript itself
        trace: Any = torch.jit.trace
        program = trace(player, torch.rand(1, 3, SIZE, SIZE))
        torch.jit.save(program, str(directory / "weights.torchscript"))
    return directory
