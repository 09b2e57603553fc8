"""The README's tables name what the plugin declares, and tests that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from im_yolo import plugin

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
ROWS = {(name, spec.task_type) for spec in plugin.im_models() for name in spec.architectures}


def table(header: str) -> Iterator[tuple[list[str], list[str], str]]:
    """Yield names of architectures, names of tasks and the third cell of each row of a table."""
    lines = README.split(header + "\n", 1)[1].splitlines()[1:]
    for line in lines:
        if not line.startswith("|"):
            return
        architectures, tasks, rest = (cell.strip() for cell in line.strip("|").split("|"))
        yield re.findall("`([^`]+)`", architectures), re.findall("`([^`]+)`", tasks), rest


@pytest.mark.parametrize(
    "header", ["| architecture | task | raw output of the network |", "| architecture | task | verified by |"]
)
def test_each_table_has_every_row_of_the_plugin_and_no_other(header: str) -> None:
    named = {(name, task) for names, tasks, _ in table(header) for name in names for task in tasks}
    assert named == ROWS


def test_every_file_that_is_said_to_verify_something_exists() -> None:
    section = README.split("## What is verified, and how", 1)[1].split("\n## ", 1)[0]
    files = set(re.findall(r"`([a-z_]+\.py)`", section))
    assert len(files) > 8
    assert [name for name in sorted(files) if not (Path(__file__).parent / name).is_file()] == []


def test_every_row_is_verified_from_an_onnx_file_on() -> None:
    by_file = {
        (name, task)
        for names, tasks, cell in table("| architecture | task | verified by |")
        for name in names
        for task in tasks
        if "`test_every_row.py`" in cell
    }
    assert by_file == ROWS
