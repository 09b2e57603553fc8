"""One image through a network as large as ResNet-18: what is not the network's.

The overhead is the whole call less onnxruntime's own `session.run`, timed inside that very call. Shown are the median,
the 95th percentile and the smallest, for single images and per image of a batch of 8. The target is for two cores that
have nothing else to do.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from graphs import Graph
from inference_models import AutoModel
from models import benchmark_picture
from packages import IMAGENET, network_input, write_package
from timing import Stopwatch, late, rounds_parser, time_calls

SIZE, CLASSES = 224, 1000
SIZES = ((480, 640), (1080, 1920), (2160, 3840))
ROUNDS = 40
TARGET_MS = 1.2  # 1080 x 1920
TARGET_SIZE = (1080, 1920)


def build_resnet18_package(directory: str | Path) -> Path:
    """Write a package with a network as large as ResNet-18: 11.7 M parameters, seeded, batches of any size."""
    graph = Graph(np.random.default_rng(0), channels={"images": 3})
    x = graph.add("Relu", graph.conv("images", 64, 7, 2, activate=False), channels=64)
    x = graph.add("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], channels=64)
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        x = _block(graph, x, width, stride)
    x = graph.add("GlobalAveragePool", x, channels=512)
    x = graph.add("Flatten", x, channels=512)
    weight = graph.random.normal(0, 1 / math.sqrt(512), (512, CLASSES)).astype(np.float32)
    graph.add("Gemm", x, graph.constant(weight), graph.constant(np.zeros(CLASSES, np.float32)))
    made = helper.make_model(
        helper.make_graph(
            [*graph.nodes, helper.make_node("Identity", [f"v{len(graph.nodes) - 1}"], ["logits"])],
            "resnet18",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    config = {
        "network_input": network_input(SIZE, **IMAGENET),
        "post_processing": {"type": "softmax", "fused": False},
    }
    return write_package(directory, made, "resnet", "classification", classes=CLASSES, config=config)


def _block(graph: Graph, x: str, width: int, stride: int) -> str:
    y = graph.add("Relu", graph.conv(x, width, 3, stride, activate=False), channels=width)
    y = graph.conv(y, width, 3, activate=False)
    changes = stride != 1 or graph.channels[x] != width
    shortcut = graph.conv(x, width, 1, stride, activate=False) if changes else x
    return graph.add("Relu", graph.add("Add", y, shortcut, channels=width), channels=width)


def measure_overhead(model: Any, height: int, width: int, *, batch: int = 1, rounds: int = ROUNDS) -> list[float]:
    """Return the milliseconds per image of each call that are not onnxruntime's."""
    picture = benchmark_picture(height, width)
    images = picture if batch == 1 else [picture] * batch
    outside, _ = time_calls(lambda: model(images), Stopwatch.of_onnxruntime(), rounds)
    return [milliseconds / batch for milliseconds in outside]


def main() -> int:
    rounds = rounds_parser(__doc__, ROUNDS).parse_args().rounds
    is_kept = True
    print(f"{'image':>10} {'batch':>6} {'median':>8} {'95 %':>8} {'min':>8}   ms per image")
    with (
        tempfile.TemporaryDirectory() as directory,
        AutoModel.from_pretrained(build_resnet18_package(directory), device="cpu") as model,
    ):
        for size in SIZES:
            for batch in (1, 8):
                samples = measure_overhead(model, *size, batch=batch, rounds=rounds)
                row = (median(samples), late(samples), min(samples))
                print(f"{size[0]:>5}x{size[1]:<5} {batch:>5} " + " ".join(f"{value:8.3f}" for value in row), flush=True)
                is_kept &= (size, batch) != (TARGET_SIZE, 1) or row[0] <= TARGET_MS
    print("target kept" if is_kept else f"target missed: {TARGET_MS} ms at {TARGET_SIZE[0]}x{TARGET_SIZE[1]}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
