"""Images per second of `predict_stream`, against `session.run` called back to back on one ready input.

The two take turns, so that a machine that slows down slows both. The ratio is the median over the rounds.
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
from models import benchmark_picture, build_yolov8n_package

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


def streamed(model: Any, pictures: list[Any], depth: int) -> float:
    """Return images per second of the stream."""
    started = time.perf_counter()
    count = sum(1 for _ in predict_stream(model, pictures, depth=depth))
    return count / (time.perf_counter() - started)


def one_by_one(model: Any, pictures: list[Any]) -> float:
    """Return images per second of plain calls."""
    started = time.perf_counter()
    for picture in pictures:
        model(picture)
    return len(pictures) / (time.perf_counter() - started)


def open_bare(directory: str, threads: object) -> Any:
    """Return onnxruntime's own session, with as many threads as the model's."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(f"{directory}/weights.onnx", options, providers=["CPUExecutionProvider"])


def measure_size(model: Any, bare: Any, size: tuple[int, int], arguments: argparse.Namespace) -> tuple[str, float]:
    """Return a line for one size of pictures, and the stream's images per second / those of `session.run`."""
    pictures = [benchmark_picture(*size)] * arguments.images
    inputs, _ = model.pre_process(pictures[0])
    ours, floor = alternate(
        lambda: streamed(model, pictures, arguments.depth),
        lambda: back_to_back(bare, inputs, arguments.images),
        arguments.rounds,
    )
    ratio = median(a / b for a, b in zip(ours, floor, strict=True))
    line = (
        f"{size[0]}x{size[1]}: stream {median(ours):.2f}, session.run {median(floor):.2f}, "
        f"one by one {one_by_one(model, pictures):.2f} images/s; stream / session.run {ratio:.3f}"
    )
    return line, ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--images", type=int, default=IMAGES, help=f"in each round (default: {IMAGES})")
    parser.add_argument("--depth", type=int, default=3)
    arguments = parser.parse_args()
    missed = 0
    for threads in (None, 1):
        options: dict[str, Any] = {} if threads is None else {"onnx_threads": threads}
        with (
            tempfile.TemporaryDirectory() as directory,
            AutoModel.from_pretrained(build_yolov8n_package(directory), device="cpu", **options) as model,
        ):
            bare = open_bare(directory, threads or 0)
            for size in SIZES:
                line, ratio = measure_size(model, bare, size, arguments)
                print(f"threads: {threads or 'default'}, {line}", flush=True)
                missed += ratio < TARGET
    print(f"{missed} below {TARGET}" if missed else "target kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
