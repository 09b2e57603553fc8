"""What every benchmark shares: fresh child processes, interleaved rounds, ratios to a floor, one table.

Ours and the floor take turns (A B, B A, A B, ...) after a first run that does not count, so that a machine that
slows down slows both. The ratio is the median over the rounds of ours / floor within one round; times are medians.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from attrs import frozen

HEAVY = ("numpy", "torch", "cv2", "onnxruntime", "requests", "supervision", "rich", "transformers")
"""Modules that must not be loaded before they are needed."""

# Runs in the child around the statement. The peak is the kernel's high-water mark of this very program: what
# wait4 reports also counts the parent's memory at the moment of the fork.
_CHILD = """
import sys, time
started = time.perf_counter()
{statement}
seconds = time.perf_counter() - started
import json
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
except OSError:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps(dict(
    seconds=seconds, peak=peak, modules=len(sys.modules),
    loaded=[name for name in {heavy} if name in sys.modules],
    result=globals().get("result"),
)))
"""


@frozen
class Child:
    """What one fresh process did.

    Attributes:
        wall: seconds from starting it to its end.
        seconds: seconds that the statement took within it.
        cpu: seconds of CPU time of the whole process, user and system.
        peak: bytes of resident memory at the highest point.
        modules: how many modules were loaded at the end.
        loaded: which of `HEAVY` were.
        result: what the statement left in the variable `result`.
    """

    wall: float
    seconds: float
    cpu: float
    peak: int
    modules: int
    loaded: tuple[str, ...]
    result: Any


def run_child(statement: str, environment: Mapping[str, str] | None = None) -> Child:
    """Run Python source in a fresh process and return what it cost.

    Args:
        statement: top-level source text.
        environment: variables to set. Those of this library and of Python itself are unset first: among them
            is the one that forbids bytecode files, without which every import would compile its source.

    Raises:
        RuntimeError: the child failed; its error output is in the message.
    """
    source = _CHILD.format(statement=statement, heavy=HEAVY)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_", "PYTHON"))}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", source],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**variables, **(environment or {})},
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"A benchmark process failed ({process.returncode}):\n{statement}\n{errors.read()}")
        report = json.loads(output.read().splitlines()[-1])
    cpu = usage.ru_utime + usage.ru_stime
    return Child(wall=wall, cpu=cpu, **{**report, "loaded": tuple(report["loaded"])})


def alternate(first: Callable[[], Any], second: Callable[[], Any], rounds: int) -> tuple[list[Any], list[Any]]:
    """Call the two in turns, after one call of each that does not count, and return what they returned."""
    first(), second()
    firsts: list[Any] = []
    seconds: list[Any] = []
    for number in range(rounds):
        turns = [(first, firsts), (second, seconds)]
        for function, results in turns if number % 2 == 0 else reversed(turns):
            results.append(function())
    return firsts, seconds


def alternate_children(
    ours: str, floor: str, rounds: int, environment: Mapping[str, str] | None = None
) -> tuple[list[Child], list[Child]]:
    """Run two pieces of source in fresh processes, in turns."""
    return alternate(lambda: run_child(ours, environment), lambda: run_child(floor, environment), rounds)


@frozen
class Row:
    """One line of the table: ours against the floor, with the largest ratio that is allowed.

    Attributes:
        name: what was measured.
        ours: the median, in `unit`.
        floor: the median of the floor, in `unit`.
        unit: "ms", "MiB" or "MB".
        ratios: ours / floor of every round.
        quickest: the smallest sample of ours / the smallest of the floor: what a busy machine disturbs least.
        target: the largest median ratio that is allowed.
    """

    name: str
    ours: float
    floor: float
    unit: str
    ratios: tuple[float, ...]
    quickest: float
    target: float

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)

    @property
    def ok(self) -> bool:
        """Whether the ratio is within the target."""
        return self.ratio <= self.target


def compare(name: str, ours: Sequence[float], floor: Sequence[float], unit: str, target: float) -> Row:
    """Return the row for paired samples given in seconds or bytes."""
    scale = {"ms": 1e3, "MiB": 1 / 2**20, "MB": 1e-6}[unit]
    ratios = tuple(a / b for a, b in zip(ours, floor, strict=True))
    return Row(name, median(ours) * scale, median(floor) * scale, unit, ratios, min(ours) / min(floor), target)


def print_table(rows: Iterable[Row]) -> None:
    """Print the rows, and for each whether it keeps its target."""
    head = f"{'':55} {'ours':>8} {'floor':>8}      {'ratio':>5} {'middle half':12} {'minima':>6} {'target':>6}"
    print(head, "-" * len(head), sep="\n")
    for row in rows:
        ordered = sorted(row.ratios)
        low, high = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
        print(
            f"{row.name:55} {row.ours:8.1f} {row.floor:8.1f} {row.unit:4} {row.ratio:5.2f} {low:5.2f}-{high:4.2f}"
            f"   {row.quickest:6.2f} {row.target:6.2f}  {'ok' if row.ok else 'OVER'}"
        )


def check_light(name: str, children: Iterable[Child]) -> None:
    """Exit with an error when one of `children` loaded a heavy module."""
    heavy = sorted({module for child in children for module in child.loaded})
    if heavy:
        raise SystemExit(f"{name}: loads {', '.join(heavy)}, which must stay out until they are needed")
