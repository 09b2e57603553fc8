"""Networks that look at the picture, one for each task and layout, and packages of them.

Convolutions of seeded random weights give every anchor a box, scores and extras; what follows lays them out as the
exporters of the YOLO versions do. `conftest.py` hands this out as the fixture `networks`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, STRIDE, CLASSES, KINDS = 96, 8, 3, 32
IOU, MOST = 0.45, 100  # of networks with NMS
ANCHORS = (SIZE // STRIDE) ** 2
# Centre x and y, width and height to left, top, right, bottom.
TO_CORNERS = np.array([[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]], np.float32)


# How the exports of each architecture lay out boxes.
LAYOUTS = {
    **dict.fromkeys(("yolov8", "yolov9", "yolov11", "yolov12"), "anchor-free"),
    **dict.fromkeys(("yolov5", "yolov7"), "objectness"),
    **dict.fromkeys(("yolov10", "yolo26"), "end-to-end"),
    "yolonas": "split",
}
SKELETON = {"keypoints": {"0": "hub", "1": "rim", "2": "tip"}, "edges": [{"from": 0, "to": 2}]}
KEY_POINTS = [{"object_class_id": 0, **SKELETON}, {"object_class_id": 2, "keypoints": {"0": "tip", "1": "base"}}]
POST_PROCESSING = {
    "classification": "softmax",
    "multi-label-classification": "sigmoid",
    "semantic-segmentation": "softmax",
}


def package(workbench: Any, architecture: str, task: str, *, fused: bool, batch: int | None) -> Path:
    """Write a package for an architecture's task, with a network that looks at the picture."""
    options: dict[str, Any] = {"post_processing": {"type": POST_PROCESSING.get(task, "nms"), "fused": fused}}
    options["network_input"] = {"training_input_size": {"height": SIZE, "width": SIZE}}
    if task == "keypoint-detection":
        options["files"] = {"keypoints_metadata.json": json.dumps(KEY_POINTS)}
    if task == "semantic-segmentation":
        options["names"] = ("road", "background", "sky")
    if task == "depth-estimation":
        options["names"] = None
    network = for_task(task, "end-to-end" if fused else LAYOUTS[architecture], batch)
    directory: Path = workbench.package(network, architecture=architecture, task=task, **options)
    return directory


def for_task(task: str, layout: str, batch: int | None) -> onnx.ModelProto:
    """Return a network for a task; `layout` is that of its boxes, if it has any."""
    if task in ("classification", "multi-label-classification"):
        return scores(batch=batch)
    if task in ("semantic-segmentation", "depth-estimation"):
        return maps(CLASSES if task == "semantic-segmentation" else 1, batch=batch)
    points, kinds = 3 * (task == "keypoint-detection"), KINDS * (task == "instance-segmentation")
    return boxes(layout, points=points, kinds=kinds, batch=batch)


class Graph:
    """An ONNX graph in the making: each method adds a node and returns the name of what comes out of it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, value: Any) -> str:
        name = f"constant{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"{kind}{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, channels: int, size: int) -> str:
        weights = self.rng.normal(0, 4 / size, (channels, 3, size, size)).astype(np.float32)
        weights -= weights.mean(axis=(1, 2, 3), keepdims=True)  # so that grey is 0, however bright it is
        return str(self.add("Conv", "images", self.constant(weights), strides=[size, size]))

    def columns(self, rows: str, start: int, stop: int) -> str:
        limits = [self.constant(np.array([limit])) for limit in (start, stop, 1)]
        return str(self.add("Slice", rows, *limits))

    def scaled(self, rows: str, scale: Any, offset: Any = 0) -> str:
        column = (1, -1, 1)
        product = self.add("Mul", rows, self.constant(np.float32(scale).reshape(column)))
        return str(self.add("Add", product, self.constant(np.float32(offset).reshape(column))))

    def model(self, batch: int | None, **outputs: Any) -> onnx.ModelProto:
        """Return the network; outputs are given as (name here, shape with None for the batch[, element type])."""
        axis = batch or "batch"
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [axis, 3, SIZE, SIZE])
        described = []
        for name, (source, shape, *kind) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [source], [name]))
            sizes = [axis if size is None else size for size in shape]
            described.append(helper.make_tensor_value_info(name, *(kind or [TensorProto.FLOAT]), sizes))
        initializers = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "looks", [images], described, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Boxes:
    """What the anchors say, before it is laid out."""

    def __init__(self, graph: Graph, points: int = 0, kinds: int = 0) -> None:
        extras = 3 * points + kinds
        shape = graph.constant(np.array([0, 5 + CLASSES + extras, -1]))
        rows = graph.add("Sigmoid", graph.add("Reshape", graph.conv(5 + CLASSES + extras, STRIDE), shape))
        self.centred = graph.scaled(graph.columns(rows, 0, 4), [SIZE, SIZE, SIZE / 2, SIZE / 2])
        self.objectness = graph.columns(rows, 4, 5)
        self.scores = graph.columns(rows, 5, 5 + CLASSES)
        self.corners = graph.add("MatMul", graph.constant(TO_CORNERS), self.centred)
        self.best = graph.add("ReduceMax", self.scores, axes=[1], keepdims=1)
        self.class_ids = graph.add("ArgMax", self.scores, axis=1, keepdims=1)
        self.extra_count = extras
        self.extras: list[str] = []
        if extras:
            # Key points in and around the picture; mask coefficients of both signs.
            scale = [1.2 * SIZE, 1.2 * SIZE, 1] * points + [6] * kinds
            offset = [-0.1 * SIZE, -0.1 * SIZE, 0] * points + [-3] * kinds
            self.extras = [graph.scaled(graph.columns(rows, 5 + CLASSES, 5 + CLASSES + extras), scale, offset)]


def boxes(layout: str, *, points: int = 0, kinds: int = 0, batch: int | None = None, seed: int = 0) -> onnx.ModelProto:
    """Return a network that finds boxes: with `points` key points each, or masks of `kinds` prototypes."""
    graph = Graph(seed)
    found = Boxes(graph, points, kinds)
    extras = found.extra_count
    outputs: dict[str, Any] = {}
    if layout == "anchor-free":
        rows = graph.add("Concat", found.centred, found.scores, *found.extras, axis=1)
        outputs["output0"] = (rows, [None, 4 + CLASSES + extras, ANCHORS])
    elif layout == "objectness":
        rows = graph.add("Concat", found.centred, found.objectness, found.scores, *found.extras, axis=1)
        outputs["output0"] = (graph.add("Transpose", rows, perm=[0, 2, 1]), [None, ANCHORS, 5 + CLASSES + extras])
    elif layout == "end-to-end":
        ids = graph.add("Cast", found.class_ids, to=TensorProto.FLOAT)
        rows = graph.add("Concat", found.corners, found.best, ids, *found.extras, axis=1)
        outputs["output0"] = (graph.add("Transpose", rows, perm=[0, 2, 1]), [None, ANCHORS, 6 + extras])
    else:
        for name, rows, width in (("boxes", found.corners, 4), ("scores", found.scores, CLASSES)):
            outputs[name] = (graph.add("Transpose", rows, perm=[0, 2, 1]), [None, ANCHORS, width])
    if kinds:
        outputs["output1"] = (graph.conv(kinds, 4), [None, kinds, SIZE // 4, SIZE // 4])
    return graph.model(batch, **outputs)


def flat(*, class_first: bool, batch: int | None = None, seed: int = 0, confidence: float = 0.25) -> onnx.ModelProto:
    """Return `boxes` with ONNX's NonMaxSuppression and one table (n, 7) for all images.

    With the class first as YOLOv7's exporter writes it: boxes of different classes are moved apart, and each anchor has
    its best class only. Else as YOLO-NAS's exporter does: each class for itself, an anchor may have several.
    """
    graph = Graph(seed)
    found = Boxes(graph)
    limits = [
        graph.constant(np.array([MOST])),
        graph.constant(np.float32([IOU])),
        graph.constant(np.float32([confidence])),
    ]
    corners = graph.add("Transpose", found.corners, perm=[0, 2, 1])
    if class_first:
        ids = graph.add("Transpose", graph.add("Cast", found.class_ids, to=TensorProto.FLOAT), perm=[0, 2, 1])
        apart = graph.add("Add", corners, graph.add("Mul", ids, graph.constant(np.float32(10 * SIZE))))
        chosen = graph.add("NonMaxSuppression", apart, found.best, *limits)
    else:
        chosen = graph.add("NonMaxSuppression", corners, found.scores, *limits)
    image, class_id, anchor = (
        graph.add("Gather", chosen, graph.constant(np.array([column])), axis=1) for column in range(3)
    )
    place = graph.add("Concat", image, anchor, axis=1)
    box = graph.add("GatherND", corners, place)
    number = graph.add("Cast", image, to=TensorProto.FLOAT)
    if class_first:
        best = graph.add("Transpose", found.best, perm=[0, 2, 1])
        columns = [number, box, graph.add("GatherND", ids, place), graph.add("GatherND", best, place)]
    else:
        whole = graph.add("Concat", image, class_id, anchor, axis=1)
        score = graph.add("Unsqueeze", graph.add("GatherND", found.scores, whole), graph.constant(np.array([1])))
        columns = [number, box, score, graph.add("Cast", class_id, to=TensorProto.FLOAT)]
    return graph.model(batch, output=(graph.add("Concat", *columns, axis=1), ["n", 7]))


def counted(*, batch: int | None = None, seed: int = 0, most: int = 20) -> onnx.ModelProto:
    """Return `boxes` that keeps the best anchors and says how many of these have a score above 0.4; the rest is -1."""
    graph = Graph(seed)
    found = Boxes(graph)
    last = graph.constant(np.array([1]))
    best, ids = (graph.add("Squeeze", one, last) for one in (found.best, found.class_ids))
    scores, anchors = graph.add("TopK", best, graph.constant(np.array([most])), outputs=2)
    places = graph.add("Unsqueeze", anchors, graph.constant(np.array([2])))
    corners = graph.add("Transpose", found.corners, perm=[0, 2, 1])
    passing = graph.add("Greater", scores, graph.constant(np.float32(0.4)))
    number = graph.add("ReduceSum", graph.add("Cast", passing, to=TensorProto.INT64), last, keepdims=1)
    chosen = graph.add("GatherND", ids, places, batch_dims=1)
    return graph.model(
        batch,
        num_dets=(number, [None, 1], TensorProto.INT64),
        det_boxes=(graph.add("GatherND", corners, places, batch_dims=1), [None, most, 4]),
        det_scores=(graph.add("Where", passing, scores, graph.constant(np.float32(-1))), [None, most]),
        det_classes=(
            graph.add("Where", passing, chosen, graph.constant(np.array(-1))),
            [None, most],
            TensorProto.INT64,
        ),
    )


def scores(*, batch: int | None = None, seed: int = 0) -> onnx.ModelProto:
    """Return a network that gives each class a logit."""
    graph = Graph(seed)
    means = graph.add("ReduceMean", graph.conv(CLASSES, STRIDE), axes=[2, 3], keepdims=0)
    return graph.model(batch, output0=(means, [None, CLASSES]))


def maps(channels: int, *, batch: int | None = None, seed: int = 0) -> onnx.ModelProto:
    """Return a network that gives each cell of 8 x 8 pixels a number in each channel."""
    graph = Graph(seed)
    cells = SIZE // STRIDE
    return graph.model(batch, output0=(graph.conv(channels, STRIDE), [None, channels, cells, cells]))
