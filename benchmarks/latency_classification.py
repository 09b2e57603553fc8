"""One image through a network as large as ResNet-18: what is not the network's.

The overhead is the whole call less onnxruntime's own `session.run`, timed inside that very call. Shown are the median,
the 95th percentile and the smallest, for single images and per image of a batch of 8. The target is for two cores that
have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper

from graphs import Graph
from inference_models import AutoModel
from latency import ROUNDS, WARM_UP, Stopwatch
from models import benchmark_picture

SIZE, CLASSES = 224, 1000
SIZES = ((480, 640), (1080, 1920), (2160, 3840))
TARGET_MS = 1.2  # 1080 x 1920
TARGET_SIZE = (1080, 1920)


def build_resnet18_package(directory: str | Path) -> Path:
    """Write a package with a network as large as ResNet-18: 11.7 M parameters, seeded, batches of any size."""
    package = Path(directory)
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
    checker.check_model(made)
    (package / "weights.onnx").write_bytes(made.SerializeToString())
    (package / "class_names.txt").write_text("\n".join(f"class {number}" for number in range(CLASSES)))
    for name, content in (("inference_config.json", _CONFIG), ("model_config.json", _DESCRIBED)):
        (package / name).write_text(json.dumps(content))
    return package


_DESCRIBED = {"model_architecture": "resnet", "task_type": "classification", "backend_type": "onnx"}
_CONFIG = {
    "network_input": {
        "training_input_size": {"height": SIZE, "width": SIZE},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    },
    "post_processing": {"type": "softmax", "fused": False},
}


def _block(graph: Graph, x: str, width: int, stride: int) -> str:
    y = graph.add("Relu", graph.conv(x, width, 3, stride, activate=False), channels=width)
    y = graph.conv(y, width, 3, activate=False)
    changes = stride != 1 or graph.channels[x] != width
    shortcut = graph.conv(x, width, 1, stride, activate=False) if changes else x
    return graph.add("Relu", graph.add("Add", y, shortcut, channels=width), channels=width)


def measure_overhead(model: Any, height: int, width: int, *, batch: int = 1, rounds: int = ROUNDS) -> list[float]:
    """Return the seconds per image of each call that are not onnxruntime's."""
    picture = benchmark_picture(height, width)
    images = picture if batch == 1 else [picture] * batch
    stopwatch, samples = Stopwatch(), []
    with stopwatch.watching():
        for number in range(-WARM_UP, rounds):
            stopwatch.seconds = 0.0
            started = time.perf_counter()
            model(images)
            overhead = time.perf_counter() - started - stopwatch.seconds
            if number >= 0:
                samples.append(overhead / batch)
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"calls per image size (default: {ROUNDS})")
    rounds = parser.parse_args().rounds
    is_kept = True
    print(f"{'image':>10} {'batch':>6} {'median':>8} {'95 %':>8} {'min':>8}   ms per image")
    with (
        tempfile.TemporaryDirectory() as directory,
        AutoModel.from_pretrained(build_resnet18_package(directory), device="cpu") as model,
    ):
        for size in SIZES:
            for batch in (1, 8):
                samples = [one * 1e3 for one in measure_overhead(model, *size, batch=batch, rounds=rounds)]
                row = (median(samples), quantiles(samples, n=20)[-1], min(samples))
                print(f"{size[0]:>5}x{size[1]:<5} {batch:>5} " + " ".join(f"{value:8.3f}" for value in row), flush=True)
                is_kept &= (size, batch) != (TARGET_SIZE, 1) or row[0] <= TARGET_MS
    print("target kept" if is_kept else f"target missed: {TARGET_MS} ms at {TARGET_SIZE[0]}x{TARGET_SIZE[1]}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
