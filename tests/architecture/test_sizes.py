"""Files and functions stay short enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, python_files

LONGEST_FILE = 300
LONGEST_TEST_FILE = 400  # one file holds all cases of the module that it mirrors
LONGEST_FUNCTION = 60
FILES = python_files("core", "plugins/*", "tests", "benchmarks", "tools", "examples")


def too_long_files() -> Iterator[str]:
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > (LONGEST_TEST_FILE if path.name.startswith("test_") else LONGEST_FILE):
            yield f"{path.relative_to(ROOT)}: {lines} lines"


def too_long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # What a reader must hold in mind: the docstring of a public function may be as long as it needs to be.
            first = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
            lines = (node.end_lineno or node.lineno) - first[0].lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines"


def test_files_are_short() -> None:
    assert FILES
    assert list(too_long_files()) == [], f"split what is longer than {LONGEST_FILE} lines, tests {LONGEST_TEST_FILE}"


def test_functions_are_short() -> None:
    found = [row for path in FILES for row in too_long_functions(path)]
    assert found == [], f"split what is longer than {LONGEST_FUNCTION} lines without its docstring"
