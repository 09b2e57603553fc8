"""Networks as large as YOLOv8 nano, with seeded random weights, written straight as ONNX graphs.

Layers, widths and outputs are those of YOLOv8n at 640 x 640 (detection: 3.2 M parameters, 8.7 GFLOPs, output
(1, 84, 8400)) and of YOLOv8n-pose (3.3 M, 9.2 GFLOPs, (1, 56, 8400)), so they cost what trained networks cost. They
have learned nothing: their class scores are only moved so that the wanted number of boxes is left, after overlapping
ones are dropped, in the 1080 x 1920 picture of the benchmarks. Several anchors vote for each box, as in trained ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen
from onnx import TensorProto, helper

from graphs import Graph
from packages import network_input, write_package

SIZE = 640
STRIDES = (8, 16, 32)
BINS = 16  # each side of a box is a distribution over so many distances
SMALL = -0.4  # added to the logit of each further bin, which makes boxes about four strides wide
CONFIDENCE = 0.4  # the thresholds that YOLO packages have where they state none
IOU = 0.3
JOINTS = 17


@frozen
class Kind:
    """What a network finds.

    Attributes:
        architecture: as packages name it.
        task: as packages name it.
        classes: how many classes.
        width: channels of the branch that tells classes apart.
        key_points: of each box.
    """

    architecture: str
    task: str
    classes: int
    width: int
    key_points: int = 0


DETECTION = Kind("yolov8", "object-detection", 80, 80)
KEY_POINTS = Kind("yolov8", "keypoint-detection", 1, 64, JOINTS)

INFERENCE_CONFIG = {
    "network_input": network_input(SIZE, resize_mode="letterbox", padding_value=114),
    "forward_pass": {"static_batch_size": 1},
    "post_processing": {"type": "nms", "fused": False},
}


def build_yolov8n_package(directory: str | Path, kind: Kind = DETECTION, detections: int = 100) -> Path:
    """Write a complete local package into `directory` and return it. Takes about a second."""
    network = build_yolov8n(kind, detections)
    package = write_package(
        directory, network, kind.architecture, kind.task, classes=kind.classes, config=INFERENCE_CONFIG
    )
    if kind.key_points:
        joints = {str(number): f"joint-{number}" for number in range(kind.key_points)}
        edges = [{"from": number, "to": number + 1} for number in range(kind.key_points - 1)]
        skeletons = [{"object_class_id": number, "keypoints": joints, "edges": edges} for number in range(kind.classes)]
        (package / "keypoints_metadata.json").write_text(json.dumps(skeletons))
    return package


def build_yolov8n(kind: Kind = DETECTION, detections: int = 100, seed: int = 0) -> Any:
    """Return the network as an `onnx.ModelProto`."""
    return calibrated(partial(assemble, kind, seed), kind.classes, detections)


def calibrated(assemble: Callable[[float, float], Any], classes: int, detections: int) -> Any:
    """Return the network that finds so many boxes in the 1080 x 1920 picture.

    Args:
        assemble: makes a network whose class logits are moved and stretched: `(shift, spread)`.
        classes: how many its first output has.
        detections: how many boxes are wanted.
    """
    output = run_on_picture(assemble(0.0, 1.0))
    scores = np.clip(output[4 : 4 + classes].max(axis=0).astype(np.float64), 1e-7, 1 - 1e-7)
    logits = np.log(scores / (1 - scores))
    passing = candidates_for(detections, output[: 4 + classes], logits)
    # Move and stretch all class logits so that these pass, and the rest lies well below.
    lowest, middle = np.sort(logits)[-passing], np.median(logits)
    wanted = math.log(CONFIDENCE / (1 - CONFIDENCE))
    spread = 4.0 / (lowest - middle)
    return assemble(wanted - lowest * spread, spread)


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


def run_on_picture(network: Any) -> npt.NDArray[np.float32]:
    """Run a network on the benchmark picture and return its output (rows, anchors)."""
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    canvas = np.full((SIZE, SIZE, 3), 114, np.uint8)
    canvas[140:500] = cv2.resize(benchmark_picture(1080, 1920), (640, 360))
    tensor = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    output: npt.NDArray[np.float32] = session.run(None, {"images": tensor})[0][0]
    return output


def candidates_for(detections: int, output: npt.NDArray[np.float32], logits: npt.NDArray[np.float64]) -> int:
    """Return how many of the best anchors leave so many boxes when overlapping ones are dropped."""
    import cv2

    order = np.argsort(-logits)
    x, y, width, height = output[:4, order]
    boxes = np.stack([x - width / 2, y - height / 2, width, height], axis=1)
    # What is kept of the best n is the same for every larger n: one pass over all answers for each n.
    kept = cv2.dnn.NMSBoxesBatched(
        boxes.tolist(),
        np.linspace(1, 0.5, len(order)).tolist(),
        output[4:, order].argmax(axis=0).tolist(),
        0.0,
        IOU,
    )
    return int(np.sort(np.asarray(kept))[detections - 1]) + 1


def assemble(kind: Kind, seed: int, shift: float, spread: float) -> Any:
    """Return the network, its class logits stretched by `spread` and then moved by `shift`."""
    graph = Graph(np.random.default_rng(seed))
    graph.channels["images"] = 3
    levels = backbone_and_neck(graph)
    small = np.tile(SMALL * np.arange(BINS), 4)
    sides = branch(graph, levels, 64, 4 * BINS, small)
    logits = branch(graph, levels, kind.width, kind.classes)
    stretched = graph.add("Mul", logits, graph.constant(np.array(spread, np.float32)))
    scores = graph.add("Sigmoid", graph.add("Add", stretched, graph.constant(np.array(shift, np.float32))))
    parts = [boxes_of(graph, sides), scores]
    if kind.key_points:
        parts.append(key_points_of(graph, branch(graph, levels, 3 * kind.key_points, 3 * kind.key_points)))
    graph.add("Concat", *parts, axis=1)
    graph.nodes[-1].output[0] = output = "output0"
    rows, anchors = 4 + kind.classes + 3 * kind.key_points, sum((SIZE // stride) ** 2 for stride in STRIDES)
    made = helper.make_graph(
        graph.nodes,
        "yolov8n-random",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, rows, anchors])],
        graph.constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def branch(
    graph: Graph, levels: tuple[str, ...], width: int, rows: int, bias: npt.NDArray[np.floating[Any]] | None = None
) -> str:
    """Return (1, rows, anchors): three convolutions at each level, side by side."""
    inner = [graph.conv(graph.conv(x, width, 3), width, 3) for x in levels]
    return graph.add("Concat", *[graph.flat(graph.conv(x, rows, activate=False, bias=bias)) for x in inner], axis=2)


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


def key_points_of(graph: Graph, rows: str) -> str:
    """Turn three rows for each key point into x and y in pixels and a visibility in 0 to 1."""
    shape = graph.constant(np.array([1, JOINTS, 3, -1]))
    places, visible = f"{rows}places", f"{rows}visible"
    points = graph.add("Reshape", rows, shape)
    graph.nodes.append(helper.make_node("Split", [points, graph.constant(np.array([2, 1]))], [places, visible], axis=2))
    centres, strides = map(graph.constant, (array[:, None] for array in anchor_grid()))
    doubled = graph.add("Mul", places, graph.constant(np.array(2, np.float32)))
    pixels = graph.add("Mul", graph.add("Add", doubled, centres), strides)
    joined = graph.add("Concat", pixels, graph.add("Sigmoid", visible), axis=2)
    return graph.add("Reshape", joined, graph.constant(np.array([1, 3 * JOINTS, -1])))


def anchor_grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the anchors' centres (1, 2, n) in units of their strides, and their strides (1, 1, n)."""
    centres, strides = [], []
    for stride in STRIDES:
        steps = np.arange(SIZE // stride, dtype=np.float32) + 0.5
        y, x = np.meshgrid(steps, steps, indexing="ij")
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, x.size), stride, np.float32))
    return np.concatenate(centres, axis=1)[None], np.concatenate(strides, axis=1)[None]
