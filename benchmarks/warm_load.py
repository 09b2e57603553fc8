"""`AutoModel.from_pretrained` on a local package in a warm process, against constructing the bare session.

Everything is imported and probed before. The two take turns in one process; of each, the quickest round counts, because
a tenth of 20 ms is less than what any other program on the machine adds to most rounds. Several fresh processes do so,
because one may be lucky with where its memory lies.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import bare
from harness import Row, compare, print_table, run_child
from models import build_yolov8n_package

PROCESSES = 7
ROUNDS = 15

SOURCE = """
import sys
sys.path.insert(0, {benchmarks!r})
import warm_load
result = warm_load.time_both({package!r}, {rounds})
"""


def measure(processes: int = PROCESSES, rounds: int = ROUNDS) -> list[Row]:
    """Return the row."""
    ours: list[float] = []
    floor: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        package = str(build_yolov8n_package(Path(directory) / "yolov8n"))
        source = SOURCE.format(benchmarks=str(Path(__file__).parent), package=package, rounds=rounds)
        for _ in range(processes):
            result = run_child(source).result
            ours.append(min(result[0]))
            floor.append(min(result[1]))
    return [compare("from_pretrained, warm process / InferenceSession", ours, floor, "ms", 1.10)]


def time_both(package: str, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of every load in this process: through the library, and bare."""
    import time

    from harness import alternate
    from inference_models import AutoModel

    open_bare = bare.session_opener(Path(package, "weights.onnx"))

    def load() -> float:
        started = time.perf_counter()
        model = AutoModel.from_pretrained(package)
        seconds = time.perf_counter() - started
        model.close()
        return seconds

    def load_bare() -> float:
        started = time.perf_counter()
        session = open_bare()
        seconds = time.perf_counter() - started
        del session
        return seconds

    return alternate(load, load_bare, rounds)


def main() -> None:
    print_table(measure())


if __name__ == "__main__":
    main()
