"""One image through RF-DETR's pre- and post-processing, around a network of its inputs, outputs and some of its work.

`run` is onnxruntime's own `session.run`, timed inside the very call of the model that it is part of; `overhead` is the
whole call less that. Shown are the median and the 95th percentile in milliseconds, and the smallest overhead, which
says least about what else the machine does. `pillow` is Pillow's resize alone, which training used. Below stands what
`pre` takes for pictures each of which has a size that was not seen before, as those of data sets have. The targets are
for two cores that have nothing else to do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from inference_models import AutoModel
from latency import SIZES
from models import benchmark_picture
from packages import IMAGENET, network_input, write_package
from timing import as_columns, cells, conclude, heading, rounds_parser, time_stages

RESOLUTIONS = (384, 560)  # of the sizes "nano" and "base"
TARGETS_MS = {(1080, 1920): 4.0, (2160, 3840): 8.0}
ROUNDS = 40
COLUMNS = ("run", "pre", "post", "whole", "overhead")
_WIDTH, _PATCH, _LAYERS, _QUERIES, _CLASSES, _FOUND = 384, 16, 4, 300, 91, 40


def build_rfdetr_package(directory: str | Path, resolution: int) -> Path:
    """Write a detector that looks at the picture with layers as wide as RF-DETR's, and finds what it was told to."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-6, 0.5, (_QUERIES, _CLASSES)).astype(np.float32)
    logits[np.arange(_FOUND), rng.integers(0, _CLASSES, _FOUND)] = 2
    constants = {
        "patches": rng.normal(0, 0.02, (_WIDTH, 3, _PATCH, _PATCH)).astype(np.float32),
        "boxes": rng.uniform(0.1, 0.9, (_QUERIES, 4)).astype(np.float32),
        "logits": logits,
        "shape": np.array([0, _WIDTH, -1]),
        "zero": np.zeros((), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "patches"], ["embedded"], strides=[_PATCH, _PATCH]),
        helper.make_node("Reshape", ["embedded", "shape"], ["layer0"]),
    ]
    for layer in range(_LAYERS):
        constants |= {
            f"wide{layer}": rng.normal(0, 0.02, (4 * _WIDTH, _WIDTH)).astype(np.float32),
            f"narrow{layer}": rng.normal(0, 0.02, (_WIDTH, 4 * _WIDTH)).astype(np.float32),
        }
        nodes += [
            helper.make_node("MatMul", [f"wide{layer}", f"layer{layer}"], [f"inner{layer}"]),
            helper.make_node("Relu", [f"inner{layer}"], [f"bent{layer}"]),
            helper.make_node("MatMul", [f"narrow{layer}", f"bent{layer}"], [f"layer{layer + 1}"]),
        ]
    nodes += [
        helper.make_node("ReduceMax", [f"layer{_LAYERS}"], ["most"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "boxes"], ["dets"]),
        helper.make_node("Add", ["nothing", "logits"], ["labels"]),
    ]
    shapes: dict[str, list[Any]] = {
        "input": ["batch", 3, resolution, resolution],
        "dets": ["batch", _QUERIES, 4],
        "labels": ["batch", _QUERIES, _CLASSES],
    }
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(
        nodes,
        "rfdetr-like",
        [values["input"]],
        [values["dets"], values["labels"]],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    config = {"network_input": network_input(resolution, **IMAGENET)}
    return write_package(directory, network, "rfdetr", "object-detection", classes=_CLASSES, config=config)


def pillow_ms(height: int, width: int, resolution: int, rounds: int) -> float:
    """Return the median milliseconds of Pillow's resize, with what it takes to hand it an array."""
    from PIL import Image

    picture = benchmark_picture(height, width)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        Image.fromarray(picture).resize((resolution, resolution), Image.Resampling.BILINEAR)
        times.append(time.perf_counter() - started)
    return median(times) * 1e3


def new_sizes_ms(model: Any, resolution: int, count: int) -> tuple[float, float]:
    """Return the median milliseconds of `pre`, and of Pillow's resize, for pictures of sizes that are new each time."""
    from PIL import Image

    rng = np.random.default_rng(0)
    prepared, resized = [], []
    for height, width in zip(rng.permutation(range(360, 640))[:count], rng.permutation(range(480, 800)), strict=False):
        picture = benchmark_picture(int(height), int(width))
        marks = [time.perf_counter()]
        model.pre_process(picture)
        marks.append(time.perf_counter())
        Image.fromarray(picture).resize((resolution, resolution), Image.Resampling.BILINEAR)
        marks.append(time.perf_counter())
        prepared.append((marks[1] - marks[0]) * 1e3)
        resized.append((marks[2] - marks[1]) * 1e3)
    return median(prepared), median(resized)


def measure_resolution(resolution: int, rounds: int) -> list[str]:
    """Print the table of one network, and return which targets are missed."""
    print(f"\nresolution {resolution}, {_FOUND} found")
    print(f"{'image':>10} {heading(COLUMNS)}    min  pillow")
    missed = []
    with (
        tempfile.TemporaryDirectory() as directory,
        AutoModel.from_pretrained(build_rfdetr_package(directory, resolution), device="cpu") as model,
    ):
        for height, width in SIZES:
            columns = as_columns(taken for taken, _ in time_stages(model, benchmark_picture(height, width), rounds))
            overheads = columns["overhead"]
            alone = pillow_ms(height, width, resolution, rounds)
            where = f"{height}x{width}"
            print(f"{where:>10} {cells(columns, COLUMNS)}  {min(overheads):5.2f}  {alone:6.2f}", flush=True)
            allowed = TARGETS_MS.get((height, width))
            if allowed is not None and median(overheads) > allowed:
                missed.append(f"{resolution}, {where}: overhead {median(overheads):.2f} ms, allowed {allowed} ms")
        pre, alone = new_sizes_ms(model, resolution, rounds)
        print(f"pictures of new sizes, about 500x640: pre {pre:.2f}, pillow {alone:.2f}")
    return missed


def main() -> int:
    rounds = rounds_parser(__doc__, ROUNDS).parse_args().rounds
    missed = []
    for resolution in RESOLUTIONS:
        missed += measure_resolution(resolution, rounds)
    return conclude(missed)


if __name__ == "__main__":
    sys.exit(main())
