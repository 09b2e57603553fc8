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
        samples = latency.measure_size(model, *LATENCY_SIZE, rounds=latency.ROUNDS)
    allowed = [latency.TARGETS_MS["detection", LATENCY_SIZE] / 1e3] * len(samples)
    height, width = LATENCY_SIZE
    name = f"one {height}x{width} image, all but session.run / allowed"
    return [compare(name, [sample.overhead for sample in samples], allowed, "ms", 1.0)]


BENCHMARKS: tuple[Callable[[], list[Row]], ...] = (
    import_cost.measure,
    discovery.measure,
    cold_load.measure,
    warm_load.measure,
    measure_latency,
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
