"""The code on a page of the documentation, and running it. For tests.

Python blocks of one page share their names. A `text` block right below a block is its output and must match exactly.
Shell blocks run line by line. A block below `<!-- not run: reason -->` is left out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace import ROOT

BLOCK = re.compile(
    r"(?P<skip><!-- not run: (?P<reason>[^\n]+) -->\n+)?"
    r"^```(?P<language>python|sh)\n(?P<code>.*?)^```\n"
    r"(?:\n*^```text\n(?P<output>.*?)^```\n)?",
    flags=re.MULTILINE | re.DOTALL,
)

# What makes programs print something else than they print for a reader who types the same in a plain terminal:
# pytest, for one, does not shorten its summary where `CI` is set.
SETTINGS_OF_OUTPUT = (
    "BUILD_NUMBER",
    "CI",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "PYTEST_ADDOPTS",
    "PY_COLORS",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)


@dataclass(frozen=True)
class Block:
    """A piece of code on a page."""

    line: int
    language: str
    code: str
    output: str | None


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page that are to be run, in its order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, match.start("code")) + 1, match["language"], match["code"], match["output"])
        for match in BLOCK.finditer(text)
        if match["skip"] is None
    ]


def run_page(page: str) -> None:
    """Run the blocks of a page in the current directory. Raises: AssertionError when an output is another."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        printed = run_python(page, block, names) if block.language == "python" else run_shell(block)
        if block.output is not None and printed != block.output:
            raise AssertionError(f"{page}, the block at line {block.line} printed:\n{printed}\nnot:\n{block.output}")


def run_python(page: str, block: Block, names: dict[str, Any]) -> str:
    """Run a Python block with these names and return what it printed."""
    printed = io.StringIO()
    # Blank lines in front, so that a traceback shows the line of the page.
    code = compile("\n" * (block.line - 1) + block.code, str(ROOT / page), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue()


def run_shell(block: Block) -> str:
    """Run a shell block and return what it printed. Raises: AssertionError when it failed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_OUTPUT}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        env=environment | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise AssertionError(result.stdout + result.stderr)
    return result.stdout
