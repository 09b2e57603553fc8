"""What importing the library costs, against `import numpy`.

The ratio is that of the import statement's own time; the whole process's time and memory are shown beside it.
"""

from __future__ import annotations

from statistics import median

from harness import Child, Row, alternate_children, check_light, compare, print_table

ROUNDS = 15
FLOOR = "import numpy"
TARGETS = {"import inference_models": 0.3, "from inference_models import AutoModel": 1.0}


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return a row for each statement."""
    return [compare_statement(statement, rounds)[0] for statement in TARGETS]


def compare_statement(statement: str, rounds: int) -> tuple[Row, list[Child], list[Child]]:
    """Return the row of one statement, and all processes of both sides."""
    ours, floor = alternate_children(statement, FLOOR, rounds)
    check_light(statement, ours)
    row = compare(
        f"{statement} / {FLOOR}", [c.seconds for c in ours], [c.seconds for c in floor], "ms", TARGETS[statement]
    )
    return row, ours, floor


def main() -> None:
    rows = []
    for statement in TARGETS:
        row, ours, floor = compare_statement(statement, ROUNDS)
        rows.append(row)
        for name, children in ((statement, ours), (FLOOR, floor)):
            wall = median(c.wall for c in children) * 1e3
            peak = median(c.peak for c in children) / 2**20
            modules = children[0].modules
            print(f"{name:45} whole process {wall:6.1f} ms, peak {peak:5.1f} MiB, {modules} modules")
    print_table(rows)


if __name__ == "__main__":
    main()
