"""Images per second of `predict_stream`, against `session.run` called back to back on one ready input.

Three ways: one run of the network at a time, with the threads that a session has by default and with one; and as many
runs at once as there are CPUs, with one thread each, against back-to-back runs with the default threads. The two sides
take turns, so that a machine that slows down slows both. The ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from statistics import median
from typing import Any

from harness import alternate
from inference_models import AutoModel, predict_stream
from inference_models.developer_tools import available_cpus
from models import benchmark_picture, build_yolov8n_package
from timing import rounds_parser

TARGET = 0.97
IMAGES = 40
ROUNDS = 9
SIZES = ((1080, 1920), (2160, 3840))


def back_to_back(session: Any, inputs: Any, images: int) -> float:
    """Return images per second of the network alone."""
    feeds = {session.get_inputs()[0].name: inputs}
    started = time.perf_counter()
    for _ in range(images):
        session.run(None, feeds)
    return images / (time.perf_counter() - started)


def streamed(model: Any, pictures: list[Any], runs: int) -> float:
    """Return images per second of the stream."""
    started = time.perf_counter()
    count = sum(1 for _ in predict_stream(model, pictures, parallel_runs=runs))
    return count / (time.perf_counter() - started)


def one_by_one(model: Any, pictures: list[Any]) -> float:
    """Return images per second of plain calls."""
    started = time.perf_counter()
    for picture in pictures:
        model(picture)
    return len(pictures) / (time.perf_counter() - started)


def open_bare(directory: str, threads: int | None) -> Any:
    """Return onnxruntime's own session; None: with its own number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(f"{directory}/weights.onnx", options, providers=["CPUExecutionProvider"])


def measure_size(
    model: Any, bare: Any, size: tuple[int, int], runs: int, arguments: argparse.Namespace
) -> tuple[str, float]:
    """Return a line for one size of pictures, and the stream's images per second / those of `session.run`."""
    pictures = [benchmark_picture(*size)] * arguments.images
    inputs, _ = model.pre_process(pictures[0])
    ours, floor = alternate(
        lambda: streamed(model, pictures, runs),
        lambda: back_to_back(bare, inputs, arguments.images),
        arguments.rounds,
    )
    ratio = median(a / b for a, b in zip(ours, floor, strict=True))
    line = (
        f"{size[0]}x{size[1]}: stream {median(ours):.2f}, session.run {median(floor):.2f}, "
        f"one by one {one_by_one(model, pictures):.2f} images/s; stream / session.run {ratio:.3f}, "
        f"best / best {max(ours) / max(floor):.3f}"
    )
    return line, ratio


def main() -> int:
    parser = rounds_parser(__doc__, ROUNDS)
    parser.add_argument("--images", type=int, default=IMAGES, help=f"in each round (default: {IMAGES})")
    arguments = parser.parse_args()
    cpus = available_cpus()
    missed = 0
    for threads, floor_threads, runs in ((None, None, 1), (1, 1, 1), (1, None, cpus)):
        options: dict[str, Any] = {} if threads is None else {"onnx_threads": threads}
        with (
            tempfile.TemporaryDirectory() as directory,
            AutoModel.from_pretrained(build_yolov8n_package(directory), device="cpu", **options) as model,
        ):
            bare = open_bare(directory, floor_threads)
            for size in SIZES:
                line, ratio = measure_size(model, bare, size, runs, arguments)
                how = f"threads {threads or 'default'}, runs at once {runs}, session.run's {floor_threads or 'default'}"
                print(f"{how}, {line}", flush=True)
                missed += ratio < TARGET
    print(f"{missed} below {TARGET}" if missed else "target kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
