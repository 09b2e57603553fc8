"""A detector as large as YOLOv8 nano, with seeded random weights, written straight as an ONNX graph.

Layers, widths and output are those of YOLOv8n at 640 x 640 (3.2 M parameters, 8.7 GFLOPs, output (1, 84, 8400)), so it
costs what the trained model costs. It has learned nothing: its class scores are only moved so that about a hundred
anchors pass the usual threshold on the picture that the benchmarks use, which keeps post-processing busy.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field
from onnx import TensorProto, checker, helper, numpy_helper

SIZE = 640
CLASSES = 80
STRIDES = (8, 16, 32)
BINS = 16  # each side of a box is a distribution over so many distances
PASSING = 100
THRESHOLD = 0.4

MODEL_CONFIG = {"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"}
INFERENCE_CONFIG = {
    "network_input": {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "letterbox",
        "padding_value": 114,
        "input_channels": 3,
        "scaling_factor": 255,
    },
    "forward_pass": {"static_batch_size": 1},
    "post_processing": {"type": "nms", "fused": False},
}


def build_yolov8n_package(directory: str | Path) -> Path:
    """Write a complete local package into `directory` and return it. Takes about a second."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    network = build_yolov8n()
    checker.check_model(network)
    (directory / "model_config.json").write_text(json.dumps(MODEL_CONFIG))
    (directory / "inference_config.json").write_text(json.dumps(INFERENCE_CONFIG))
    (directory / "class_names.txt").write_text("".join(f"class-{number}\n" for number in range(CLASSES)))
    (directory / "weights.onnx").write_bytes(network.SerializeToString())
    return directory


def build_yolov8n(seed: int = 0) -> Any:
    """Return the network as an `onnx.ModelProto`."""
    network = assemble(seed, shift=0.0, spread=1.0)
    logits = best_logits(network)
    # Move and stretch all class logits so that the wanted number passes, and the rest lies well below.
    passing, middle = np.sort(logits)[-PASSING], np.median(logits)
    wanted = math.log(THRESHOLD / (1 - THRESHOLD))
    spread = 4.0 / (passing - middle)
    return assemble(seed, shift=wanted - passing * spread, spread=spread)


def benchmark_picture(height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return smooth colours with some blocks, BGR."""
    import cv2

    random = np.random.default_rng(0)
    small = random.integers(0, 256, (18, 32, 3), dtype=np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    for x, y, side in random.uniform(0.03, 0.9, (20, 3)):
        top, left, length = int(y * height), int(x * width), int(side * min(height, width) / 4)
        picture[top : top + length, left : left + length] = random.integers(0, 256, 3)
    return picture.astype(np.uint8)


def best_logits(network: Any) -> npt.NDArray[np.float64]:
    """Run a network on the benchmark picture and return the logit of each anchor's best class."""
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    canvas = np.full((SIZE, SIZE, 3), 114, np.uint8)
    canvas[140:500] = cv2.resize(benchmark_picture(1080, 1920), (640, 360))
    tensor = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    scores = session.run(None, {"images": tensor})[0][0, 4:].max(axis=0).astype(np.float64)
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    logits: npt.NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logits


@define
class Graph:
    """An ONNX graph under construction. Each method adds an operation and returns its output's name."""

    random: np.random.Generator
    nodes: list[Any] = field(factory=list)
    constants: list[Any] = field(factory=list)
    channels: dict[str, int] = field(factory=dict)

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operation: str, *inputs: str, channels: int = 0, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        self.channels[name] = channels
        return name

    def conv(self, x: str, width: int, kernel: int = 1, stride: int = 1, activate: bool = True) -> str:
        inputs = self.channels[x]
        fan_in = inputs * kernel * kernel
        weight = self.random.normal(0, math.sqrt(2.5 / fan_in), (width, inputs, kernel, kernel)).astype(np.float32)
        bias = self.random.normal(0, 0.1, width).astype(np.float32)
        constants = self.constant(weight), self.constant(bias)
        y = self.add(
            "Conv",
            x,
            *constants,
            channels=width,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            kernel_shape=[kernel] * 2,
        )
        return self.add("Mul", y, self.add("Sigmoid", y), channels=width) if activate else y

    def concat(self, *inputs: str) -> str:
        return self.add("Concat", *inputs, axis=1, channels=sum(self.channels[x] for x in inputs))

    def upsample(self, x: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add("Resize", x, "", scales, mode="nearest", channels=self.channels[x])

    def c2f(self, x: str, width: int, depth: int, shortcut: bool) -> str:
        """Two paths, one through `depth` bottlenecks, every step of which is joined at the end."""
        half = width // 2
        both = self.conv(x, width)
        sizes = self.constant(np.array([half, half]))
        first, second = f"{both}a", f"{both}b"
        self.nodes.append(helper.make_node("Split", [both, sizes], [first, second], axis=1))
        self.channels[first] = self.channels[second] = half
        steps = [first, second]
        for _ in range(depth):
            y = self.conv(self.conv(steps[-1], half, 3), half, 3)
            steps.append(self.add("Add", steps[-1], y, channels=half) if shortcut else y)
        return self.conv(self.concat(*steps), width)

    def sppf(self, x: str, width: int) -> str:
        """Max-pool three times in a row and join all stages."""
        steps = [self.conv(x, width // 2)]
        for _ in range(3):
            steps.append(
                self.add("MaxPool", steps[-1], kernel_shape=[5, 5], pads=[2] * 4, strides=[1, 1], channels=width // 2)
            )
        return self.conv(self.concat(*steps), width)

    def flat(self, x: str) -> str:
        shape = self.constant(np.array([1, self.channels[x], -1]))
        return self.add("Reshape", x, shape, channels=self.channels[x])


def assemble(seed: int, shift: float, spread: float) -> Any:
    """Return the network, its class logits stretched by `spread` and then moved by `shift`."""
    graph = Graph(np.random.default_rng(seed))
    graph.channels["images"] = 3
    levels = backbone_and_neck(graph)
    sides = [graph.conv(graph.conv(x, 64, 3), 64, 3) for x in levels]
    classes = [graph.conv(graph.conv(x, CLASSES, 3), CLASSES, 3) for x in levels]
    sides = [graph.flat(graph.conv(x, 4 * BINS, activate=False)) for x in sides]
    classes = [graph.flat(graph.conv(x, CLASSES, activate=False)) for x in classes]
    logits = graph.add("Concat", *classes, axis=2)
    stretched = graph.add("Mul", logits, graph.constant(np.array(spread, np.float32)))
    scores = graph.add("Sigmoid", graph.add("Add", stretched, graph.constant(np.array(shift, np.float32))))
    output = graph.add("Concat", boxes_of(graph, graph.add("Concat", *sides, axis=2)), scores, axis=1)
    graph.nodes[-1].output[0] = output = "output0"
    anchors = sum((SIZE // stride) ** 2 for stride in STRIDES)
    made = helper.make_graph(
        graph.nodes,
        "yolov8n-random",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 4 + CLASSES, anchors])],
        graph.constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def backbone_and_neck(graph: Graph) -> tuple[str, str, str]:
    """Return the features at strides 8, 16 and 32."""
    x = graph.conv(graph.conv("images", 16, 3, 2), 32, 3, 2)
    x = graph.conv(graph.c2f(x, 32, 1, True), 64, 3, 2)
    p3 = graph.c2f(x, 64, 2, True)
    p4 = graph.c2f(graph.conv(p3, 128, 3, 2), 128, 2, True)
    p5 = graph.sppf(graph.c2f(graph.conv(p4, 256, 3, 2), 256, 1, True), 256)
    up4 = graph.c2f(graph.concat(graph.upsample(p5), p4), 128, 1, False)
    out3 = graph.c2f(graph.concat(graph.upsample(up4), p3), 64, 1, False)
    out4 = graph.c2f(graph.concat(graph.conv(out3, 64, 3, 2), up4), 128, 1, False)
    out5 = graph.c2f(graph.concat(graph.conv(out4, 128, 3, 2), p5), 256, 1, False)
    return out3, out4, out5


def boxes_of(graph: Graph, sides: str) -> str:
    """Turn distributions of the distances to the four sides into centre, width and height in pixels."""
    shape = graph.constant(np.array([1, 4, BINS, -1]))
    likely = graph.add("Softmax", graph.add("Reshape", sides, shape), axis=2)
    bins = graph.constant(np.arange(BINS, dtype=np.float32).reshape(1, 1, BINS, 1))
    axes = graph.constant(np.array([2]))
    distances = graph.add("ReduceSum", graph.add("Mul", likely, bins), axes, keepdims=0)
    near, far = f"{distances}near", f"{distances}far"
    graph.nodes.append(helper.make_node("Split", [distances, graph.constant(np.array([2, 2]))], [near, far], axis=1))
    centres, strides = map(graph.constant, anchor_grid())
    low, high = graph.add("Sub", centres, near), graph.add("Add", centres, far)
    middle = graph.add("Mul", graph.add("Add", low, high), graph.constant(np.array(0.5, np.float32)))
    return graph.add("Mul", graph.add("Concat", middle, graph.add("Sub", high, low), axis=1), strides)


def anchor_grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the anchors' centres (1, 2, n) in units of their strides, and their strides (1, 1, n)."""
    centres, strides = [], []
    for stride in STRIDES:
        steps = np.arange(SIZE // stride, dtype=np.float32) + 0.5
        y, x = np.meshgrid(steps, steps, indexing="ij")
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, x.size), stride, np.float32))
    return np.concatenate(centres, axis=1)[None], np.concatenate(strides, axis=1)[None]
