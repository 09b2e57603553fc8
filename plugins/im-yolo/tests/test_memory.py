"""Calls leave nothing behind: what Python holds, and what the process has, does not grow with their number."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from inference_models import predict_stream

WARM_UP = 50
CALLS = 1000
PYTHON_BYTES = 30_000  # for 1,000 calls: far less than one byte array of this size or one object for each call
RESIDENT_MIB = 8

CONTENTS = """
import gc, sys
import numpy as np
from pathlib import Path
from inference_models import AutoModel, predict_stream

def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024

model = AutoModel.from_pretrained(Path(sys.argv[1]), device="cpu")
picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
for _ in range(int(sys.argv[2])):
    model(picture)
before = resident()
for _ in range(int(sys.argv[3])):
    model(picture)
for _ in predict_stream(model, (picture for _ in range(int(sys.argv[3])))):
    pass
gc.collect()
print(resident() - before)
"""


def grown(work: Callable[[int], None]) -> int:
    """Return by how many bytes Python's and numpy's allocations grow with each `CALLS` calls.

    The least of three times: what is lost in calls is lost each time, while what other threads of the test run
    allocate meanwhile is not.
    """
    work(WARM_UP)
    tracemalloc.start()
    try:
        work(WARM_UP)
        held = [_held_now()]
        for _ in range(3):
            work(CALLS)
            held.append(_held_now())
    finally:
        tracemalloc.stop()
    return min(after - before for before, after in pairwise(held))


def _held_now() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_no_allocation_grows_with_the_number_of_calls(workbench: Any) -> None:
    model = workbench.load(
        workbench.looking(size=64), network_input={"training_input_size": {"height": 64, "width": 64}}
    )
    picture = workbench.picture(120, 160)

    def call(times: int) -> None:
        for _ in range(times):
            model(picture, confidence=0.3)

    def stream(times: int) -> None:
        for _ in predict_stream(model, (picture for _ in range(times)), confidence=0.3):
            pass

    assert len(model(picture, confidence=0.3)[0]) > 0
    assert grown(call) < PYTHON_BYTES
    assert grown(stream) < PYTHON_BYTES
    model.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the resident size is read from /proc")
def test_the_process_does_not_grow_with_the_number_of_calls(workbench: Any) -> None:
    size = {"training_input_size": {"height": 64, "width": 64}}
    directory = workbench.package(workbench.looking(size=64), network_input=size)
    command = [sys.executable, "-c", CONTENTS, str(directory), str(3 * WARM_UP), str(CALLS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < RESIDENT_MIB
