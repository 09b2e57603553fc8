"""One image through YOLOv8n as TorchScript: what is not the network's, and do thread pools get in each other's way?

`module` is the call of the TorchScript module, timed inside the very call of the model that it is part of; `overhead`
is the whole call less that. torch computes with a pool of its own (OpenMP) and pre- and post-processing with OpenCV's;
a pool whose threads go on spinning after its work is done takes the CPU from whoever comes next. So: with the threads
that torch chooses, with one, and with the same network run in ONNX Runtime, which has a third pool, right before each
call; at gaps of 0 and 50 ms between the calls.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch

from bare import session_opener
from inference_models import AutoModel
from inference_models.developer_tools import available_cpus
from models import SIZE, benchmark_picture
from timing import Stopwatch, conclude, late, rounds_parser, time_calls
from torch_models import build_yolov8n_torch_script

GAPS_MS = (0, 50)
ROUNDS = 30
WHOLE_TARGET = 1.05  # the whole call / `module`, alone, with the threads that torch chooses


def pause(before: Callable[[], object], gap: float) -> None:
    """Let something else work, and then nothing for so many seconds."""
    before()
    time.sleep(gap)


def main() -> int:
    rounds = rounds_parser(__doc__, ROUNDS).parse_args().rounds
    warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript itself
    chosen, missed = torch.get_num_threads(), []
    script_module: Any = torch.jit._script.RecursiveScriptModule
    picture, stopwatch = benchmark_picture(1080, 1920), Stopwatch(script_module, "__call__")
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
                        outside, inside = time_calls(
                            lambda: model(picture), stopwatch, rounds, before=partial(pause, before, gap / 1e3)
                        )
                        ratio = median((a + b) / b for a, b in zip(outside, inside, strict=True))
                        print(
                            f"{threads:7}  {name:14}  {gap:6}  {median(outside):16.2f} {late(outside):5.2f} "
                            f"{min(outside):5.2f}  {median(inside):15.2f} {min(inside):5.2f}  {ratio:12.3f}",
                            flush=True,
                        )
                        if ratio > WHOLE_TARGET and (threads, name) == (chosen, "nothing"):
                            missed.append(f"gap {gap} ms: whole / module {ratio:.3f}, allowed {WHOLE_TARGET}")
    torch.set_num_threads(chosen)
    return conclude(missed)


if __name__ == "__main__":
    sys.exit(main())
