"""One image through YOLOv8n as TorchScript: what is not the network's, and do thread pools get in each other's way?

`module` is the call of the TorchScript module, timed inside the very call of the model that it is part of; `overhead`
is the whole call less that. torch computes with a pool of its own (OpenMP) and pre- and post-processing with OpenCV's;
a pool whose threads go on spinning after its work is done takes the CPU from whoever comes next. So: with the threads
that torch chooses, with one, and with the same network run in ONNX Runtime, which has a third pool, right before each
call; at gaps of 0 and 50 ms between the calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch

from bare import session_opener
from inference_models import AutoModel
from inference_models.developer_tools import available_cpus
from models import SIZE, benchmark_picture
from torch_models import build_yolov8n_torch_script

GAPS_MS = (0, 50)
ROUNDS = 30
WARM_UP = 5
WHOLE_TARGET = 1.05  # the whole call / `module`, alone, with the threads that torch chooses


class Stopwatch:
    """Adds up the time spent in TorchScript modules."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        original = torch.nn.Module.__call__

        def call(module: Any, *args: Any) -> Any:
            started = time.perf_counter()
            result = original(module, *args)
            self.seconds += time.perf_counter() - started
            return result

        script_module: Any = torch.jit._script.RecursiveScriptModule
        script_module.__call__ = call
        try:
            yield
        finally:
            del script_module.__call__


def measure(model: Any, before: Callable[[], object], gap: float, rounds: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of overhead and of the module of each call, after `before` and `gap` seconds."""
    picture, stopwatch = benchmark_picture(1080, 1920), Stopwatch()
    outside, inside = [], []
    with stopwatch.watching():
        for number in range(-WARM_UP, rounds):
            before()
            time.sleep(gap)
            stopwatch.seconds = 0.0
            started = time.perf_counter()
            model(picture)
            whole = time.perf_counter() - started
            if number >= 0:
                outside.append((whole - stopwatch.seconds) * 1e3)
                inside.append(stopwatch.seconds * 1e3)
    return outside, inside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"calls per row (default: {ROUNDS})")
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript itself
    chosen, missed = torch.get_num_threads(), []
    print(f"torch {torch.__version__} chooses {chosen} threads; this process may use {available_cpus()} CPUs")
    print("threads  before it       gap ms  overhead: median  95 %   min   module: median   min  whole/module")
    with tempfile.TemporaryDirectory() as home:
        directory = build_yolov8n_torch_script(home)
        other, tensor = session_opener(directory / "weights.onnx")(), np.zeros((1, 3, SIZE, SIZE), np.float32)
        neighbours = {"nothing": lambda: None, "ONNX Runtime": lambda: other.run(None, {"images": tensor})}
        with AutoModel.from_pretrained(f"{directory}/", device="cpu") as model:
            for threads in dict.fromkeys((chosen, 1)):
                torch.set_num_threads(threads)  # only here: it is the setting of the whole process
                for name, before in neighbours.items():
                    for gap in GAPS_MS:
                        outside, inside = measure(model, before, gap / 1e3, rounds)
                        ratio = median((a + b) / b for a, b in zip(outside, inside, strict=True))
                        late = quantiles(outside, n=20)[-1]
                        print(
                            f"{threads:7}  {name:14}  {gap:6}  {median(outside):16.2f} {late:5.2f} {min(outside):5.2f}"
                            f"  {median(inside):15.2f} {min(inside):5.2f}  {ratio:12.3f}",
                            flush=True,
                        )
                        if ratio > WHOLE_TARGET and (threads, name) == (chosen, "nothing"):
                            missed.append(f"gap {gap} ms: whole / module {ratio:.3f}, allowed {WHOLE_TARGET}")
    torch.set_num_threads(chosen)
    print("\n" + ("\n".join(missed) or "all targets kept"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
