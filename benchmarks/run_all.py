"""Run every benchmark and print one table. Exits with 1 when a ratio is over its target.

`--size` includes the installed size, which needs the package index and about a minute the first time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import cold_load
import discovery
import import_cost
import installed_size
import warm_load
from harness import Row, print_table

BENCHMARKS: tuple[Callable[[], list[Row]], ...] = (
    import_cost.measure,
    discovery.measure,
    cold_load.measure,
    warm_load.measure,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", action="store_true", help="measure the installed size, too")
    benchmarks = BENCHMARKS + ((installed_size.measure,) if parser.parse_args().size else ())
    rows: list[Row] = []
    for measure in benchmarks:
        print(f"running {measure.__module__} ...", file=sys.stderr)
        rows += measure()
    print_table(rows)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
