"""One image through a YOLOv8-nano-sized detector: where the time goes, and what is not the network's.

`session.run` is onnxruntime's own call, timed inside the very call of the model that it is part of. Overhead is the
whole call less that. Stages are timed in further calls, in turns with the whole ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from attrs import frozen

from inference_models import AutoModel
from models import benchmark_picture, build_yolov8n_package

SIZES = ((1080, 1920), (1080, 810), (2160, 3840))
TARGETS_MS = {(1080, 1920): 3.0}
WARM_UP = 5
ROUNDS = 60


@frozen
class Sample:
    """Seconds that one round took: a whole call, onnxruntime's part of it, and the stages around the network."""

    whole: float
    run: float
    pre: float
    post: float

    @property
    def overhead(self) -> float:
        """The whole call without onnxruntime's part."""
        return self.whole - self.run


class Stopwatch:
    """Adds up the time spent in `onnxruntime.InferenceSession.run`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        import onnxruntime

        original = onnxruntime.InferenceSession.run

        def run(session: Any, *args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            result = original(session, *args, **kwargs)
            self.seconds += time.perf_counter() - started
            return result

        onnxruntime.InferenceSession.run = run
        try:
            yield
        finally:
            onnxruntime.InferenceSession.run = original


def measure_size(model: Any, height: int, width: int, rounds: int) -> list[Sample]:
    """Return a sample for each round on a picture of that size."""
    picture = benchmark_picture(height, width)
    stopwatch = Stopwatch()
    samples = []
    with stopwatch.watching():
        for number in range(-WARM_UP, rounds):
            stopwatch.seconds = 0.0
            started = time.perf_counter()
            model(picture)
            whole, run = time.perf_counter() - started, stopwatch.seconds
            started = time.perf_counter()
            inputs, metadata = model.pre_process(picture)
            pre = time.perf_counter() - started
            outputs = model.forward(inputs)
            started = time.perf_counter()
            model.post_process(outputs, metadata)
            post = time.perf_counter() - started
            if number >= 0:
                samples.append(Sample(whole, run, pre, post))
    return samples


def print_samples(name: str, found: int, samples: list[Sample]) -> None:
    """Print one line: median, 95th percentile and minimum of each column, in ms.

    The minimum is what the code costs when nothing else runs: the other two say more about the machine.
    """
    columns = [[getattr(sample, column) * 1e3 for sample in samples] for column in COLUMNS]
    cells = [f"{median(values):6.2f} {quantiles(values, n=20)[-1]:6.2f} {min(values):6.2f}" for values in columns]
    print(f"{name:>10} {found:5}  {'  '.join(cells)}")


COLUMNS = ("run", "pre", "post", "whole", "overhead")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"calls per image size (default: {ROUNDS})")
    rounds = parser.parse_args().rounds
    too_slow = []
    with (
        tempfile.TemporaryDirectory() as directory,
        AutoModel.from_pretrained(build_yolov8n_package(directory), device="cpu") as model,
    ):
        print(f"{'ms':>16}  " + "  ".join(f"{column:^20}" for column in COLUMNS))
        print(f"{'image':>10} found  " + "  ".join([f"{'median':>6} {'95 %':>6} {'min':>6}"] * len(COLUMNS)))
        for height, width in SIZES:
            samples = measure_size(model, height, width, rounds)
            found = len(model(benchmark_picture(height, width))[0])
            print_samples(f"{height}x{width}", found, samples)
            overhead = median(sample.overhead for sample in samples) * 1e3
            target = TARGETS_MS.get((height, width))
            if target is not None and overhead > target:
                too_slow.append(f"{height}x{width}: overhead {overhead:.2f} ms, allowed {target} ms")
    print("\n".join(too_slow) or f"overhead within {', '.join(f'{ms} ms' for ms in TARGETS_MS.values())}")
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
