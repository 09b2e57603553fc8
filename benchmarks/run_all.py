"""Run every benchmark and print one table. Exits with 1 when a ratio is over its target.

`--size` includes the installed size, which needs the package index and about a minute the first time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable

import cold_load
import discovery
import downloads
import import_cost
import installed_size
import latency
import latency_classification
import load_by_id
import many_processes
import negotiation
import warm_load
from harness import Row, compare, print_table
from models import build_yolov8n_package

LATENCY_SIZE = (1080, 1920)


def measure_latency() -> list[Row]:
    """Return the row of one prediction: everything but `session.run`, against the time that is allowed for it."""
    from inference_models import AutoModel

    with tempfile.TemporaryDirectory() as directory:
        model = AutoModel.from_pretrained(build_yolov8n_package(directory), device="cpu")
        columns = latency.measure_size(model, *LATENCY_SIZE, rounds=latency.ROUNDS)
    return [_against("image", LATENCY_SIZE, columns["overhead"], latency.TARGETS_MS["detection", LATENCY_SIZE])]


def measure_classification() -> list[Row]:
    """Return the row of one classification, in the same way."""
    from inference_models import AutoModel

    size = latency_classification.TARGET_SIZE
    with tempfile.TemporaryDirectory() as directory:
        package = latency_classification.build_resnet18_package(directory)
        model = AutoModel.from_pretrained(package, device="cpu")
        overheads = latency_classification.measure_overhead(model, *size)
    return [_against("image classified", size, overheads, latency_classification.TARGET_MS)]


def _against(what: str, size: tuple[int, int], overheads: list[float], allowed: float) -> Row:
    """Return the row of milliseconds that are not the network's, against those that are allowed."""
    name = f"one {size[0]}x{size[1]} {what}, all but session.run / allowed"
    return compare(name, [one / 1e3 for one in overheads], [allowed / 1e3] * len(overheads), "ms", 1.0)


BENCHMARKS: tuple[Callable[[], list[Row]], ...] = (
    import_cost.measure,
    discovery.measure,
    cold_load.measure,
    warm_load.measure,
    measure_latency,
    measure_classification,
    negotiation.measure,
    downloads.measure,
    load_by_id.measure,
    many_processes.measure,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", action="store_true", help="measure the installed size, too")
    benchmarks = BENCHMARKS + ((installed_size.measure,) if parser.parse_args().size else ())
    rows: list[Row] = []
    for measure in benchmarks:
        print(f"running {measure.__module__}.{measure.__name__} ...", file=sys.stderr)
        rows += measure()
    print_table(rows)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
