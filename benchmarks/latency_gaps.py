"""Does OpenCV's thread pool get in the way of ONNX Runtime's, and the other way round?

A pool whose threads go on spinning after its work is done takes the CPU from whoever comes next. It shows in what is
not `session.run` when calls follow each other at once, and goes when there is a gap between them; a pool whose threads
fell asleep shows after a gap. So: overhead and the stages at gaps of 0, 20 and 50 ms, with the threads that each
library chooses and with one thread, of either.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from statistics import median
from typing import Any

import cv2

from inference_models import AutoModel
from models import benchmark_picture, build_yolov8n_package
from timing import Stopwatch, late, rounds_parser, time_calls

GAPS_MS = (0, 20, 50)
ROUNDS = 40
ALLOWED_GROWTH_MS = 0.5


def main() -> int:
    rounds = rounds_parser(__doc__, ROUNDS).parse_args().rounds
    picture, stopwatch = benchmark_picture(1080, 1920), Stopwatch.of_onnxruntime()
    opencv_default = cv2.getNumThreads()
    grown = []
    print("ONNX Runtime  OpenCV   gap ms  overhead: median  95 %   min    session.run")
    with tempfile.TemporaryDirectory() as directory:
        build_yolov8n_package(directory)
        for threads in (None, 1):
            options: dict[str, Any] = {} if threads is None else {"onnx_threads": threads}
            with AutoModel.from_pretrained(f"{directory}/", device="cpu", **options) as model:
                for opencv in (opencv_default, 1):
                    cv2.setNumThreads(opencv)  # only here: it is the setting of the whole process
                    medians = []
                    for gap in GAPS_MS:
                        outside, inside = time_calls(
                            lambda: model(picture), stopwatch, rounds, before=partial(time.sleep, gap / 1e3)
                        )
                        medians.append(median(outside))
                        print(
                            f"{threads or 'default':>12}  {opencv:6}  {gap:7}  {median(outside):16.2f} "
                            f"{late(outside):5.2f} {min(outside):5.2f}  {median(inside):13.2f}",
                            flush=True,
                        )
                    if max(medians) > medians[0] + ALLOWED_GROWTH_MS and opencv == opencv_default:
                        grown.append(f"threads {threads or 'default'}: {', '.join(f'{ms:.2f}' for ms in medians)} ms")
    cv2.setNumThreads(opencv_default)
    print("\n".join(["overhead grows with the gap:", *grown] if grown else ["overhead does not grow with the gap"]))
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
