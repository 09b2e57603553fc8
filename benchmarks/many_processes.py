"""Many processes that want one model at once, nothing of it on disk yet: against one process that wants it alone.

Two measurements. In the first, every process has imported what it needs and waits for a starting signal, so what
counts is loading: finding out, fetching once, waiting for whoever fetches, checking, opening. In the second the
processes start from nothing; each then needs half a second of a processor, so the figure is given per processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness import Row, alternate, compare, print_table
from load_by_id import LOAD, serve

PROCESSES = 8
ROUNDS = 3
EXTRA_FILES, EXTRA_BYTES = 8, 20_000_000

# Everything is imported by loading the model from a cache that has it; then the cache is another one, which is empty.
_WAITING = f"""
import os, sys, time
{LOAD}
model.close()
os.environ["INFERENCE_HOME"] = {{home!r}}
print("ready", flush=True)
sys.stdin.readline()
started = time.perf_counter()
{LOAD.splitlines()[1]}
print(time.perf_counter() - started, flush=True)
"""


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return the rows."""
    extra = np.random.default_rng(0)
    files = {f"part-{number}.bin": extra.bytes(EXTRA_BYTES) for number in range(EXTRA_FILES)}
    with tempfile.TemporaryDirectory() as directory, serve(Path(directory), files) as environment:
        return [measure_loading(environment, rounds), measure_starting(environment, rounds)]


def measure_loading(environment: dict[str, str], rounds: int) -> Row:
    """Compare loads that start at one signal with one load; each as the time of the last, imports done before."""
    home = f"{environment['INFERENCE_HOME']}-of-all"
    statement = _WAITING.format(home=home)
    _check(_start(LOAD, environment))

    def cold(processes: int) -> float:
        shutil.rmtree(home, ignore_errors=True)
        children = [_start(statement, environment) for _ in range(processes)]
        for child in children:
            _line(child)
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        return max(float(_line(child)) for child in children)

    together, alone = alternate(lambda: cold(PROCESSES), lambda: cold(1), rounds)
    return compare(f"{PROCESSES} processes load a cold model of 173 MB at once / one", together, alone, "ms", 2.0)


def measure_starting(environment: dict[str, str], rounds: int) -> Row:
    """Compare processes that start from nothing with one; each as the time until the last has ended."""

    def cold(processes: int) -> float:
        shutil.rmtree(environment["INFERENCE_HOME"], ignore_errors=True)
        started = time.perf_counter()
        children = [_start(LOAD, environment) for _ in range(processes)]
        for child in children:
            _check(child)
        return time.perf_counter() - started

    together, alone = alternate(lambda: cold(PROCESSES), lambda: cold(1), rounds)
    # On fewer processors than processes the processors set the floor, not the library.
    share = PROCESSES / min(PROCESSES, _processors())
    name = f"{PROCESSES} cold processes at once / one, per processor"
    return compare(name, [seconds / share for seconds in together], alone, "ms", 2.0)


def _start(statement: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_", "PYTHON"))}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", statement],
        env={**kept, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        _check(child)
    return line


def _check(child: subprocess.Popen[str]) -> None:
    if child.wait() != 0:
        raise SystemExit("many_processes: a process failed to load the model")


def _processors() -> int:
    from inference_models.developer_tools import available_cpus

    return available_cpus()


if __name__ == "__main__":
    print_table(measure())
