"""A network as large as YOLOv8n-seg, with seeded random weights: that of `models.py` with coefficients and prototypes.

Layers, widths and outputs are those of YOLOv8n-seg at 640 x 640: 3.4 M parameters, (1, 116, 8400) and prototypes
(1, 32, 160, 160). Boxes are some fifteen strides wide, so that one covers about a twenty-fifth of the picture.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

import models
from graphs import Graph
from models import INFERENCE_CONFIG, SIZE, STRIDES
from packages import write_package

CLASSES = 80
KINDS = 32
WIDTH = 64  # channels of the branch that makes prototypes
BLUR = 9  # cells: trained prototypes are smooth, and so are their masks, while those of random weights are noise.
# Their means are taken away, too: so masks fill about half of their boxes.


def build_yolov8n_seg_package(directory: str | Path, detections: int = 70) -> Path:
    """Write a complete local package into `directory` and return it. Takes about a second."""
    network = build_yolov8n_seg(detections)
    return write_package(
        directory, network, "yolov8", "instance-segmentation", classes=CLASSES, config=INFERENCE_CONFIG
    )


def build_yolov8n_seg(detections: int, seed: int = 0) -> Any:
    """Return the network as an `onnx.ModelProto`; it finds so many boxes in the benchmarks' 1080 x 1920 picture."""
    return models.calibrated(partial(assemble, seed), CLASSES, detections)


def assemble(seed: int, shift: float, spread: float) -> Any:
    """Return the network, its class logits stretched by `spread` and then moved by `shift`."""
    graph = Graph(np.random.default_rng(seed))
    graph.channels["images"] = 3
    levels = models.backbone_and_neck(graph)
    sides = models.branch(graph, levels, 64, 4 * models.BINS)
    logits = models.branch(graph, levels, CLASSES, CLASSES)
    coefficients = models.branch(graph, levels, KINDS, KINDS)
    stretched = graph.add("Mul", logits, graph.constant(np.array(spread, np.float32)))
    scores = graph.add("Sigmoid", graph.add("Add", stretched, graph.constant(np.array(shift, np.float32))))
    prototypes_of(graph, levels[0])
    graph.nodes[-1].output[0] = "output1"
    graph.add("Concat", models.boxes_of(graph, sides), scores, coefficients, axis=1)
    graph.nodes[-1].output[0] = "output0"
    anchors = sum((SIZE // stride) ** 2 for stride in STRIDES)
    made = helper.make_graph(
        graph.nodes,
        "yolov8n-seg-random",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + CLASSES + KINDS, anchors]),
            helper.make_tensor_value_info("output1", TensorProto.FLOAT, [1, KINDS, SIZE // 4, SIZE // 4]),
        ],
        graph.constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def prototypes_of(graph: Graph, x: str) -> str:
    """Return (1, 32, 160, 160) prototypes from the features at stride 8."""
    x = graph.conv(x, WIDTH, 3)
    weight = graph.random.normal(0, math.sqrt(2.5 / WIDTH), (WIDTH, WIDTH, 2, 2)).astype(np.float32)
    x = graph.add("ConvTranspose", x, graph.constant(weight), strides=[2, 2], kernel_shape=[2, 2], channels=WIDTH)
    x = graph.conv(graph.conv(x, WIDTH, 3), KINDS)
    half = BLUR // 2
    x = graph.add("AveragePool", x, kernel_shape=[BLUR] * 2, pads=[half] * 4, count_include_pad=0)
    return graph.add("Sub", x, graph.add("ReduceMean", x, axes=[2, 3]), channels=KINDS)
