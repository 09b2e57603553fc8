"""What the tutorial and the README tell people to type works, in the order in which it stands there.

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

import pytest

from workspace import ROOT

PAGES = ["docs/tutorial.md", "README.md"]

BLOCK = re.compile(
    r"(?P<skip><!-- not run: (?P<reason>[^\n]+) -->\n+)?"
    r"^```(?P<language>python|sh)\n(?P<code>.*?)^```\n"
    r"(?:\n*^```text\n(?P<output>.*?)^```\n)?",
    flags=re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A piece of code on a page."""

    line: int
    language: str
    code: str
    output: str | None


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, match.start("code")) + 1, match["language"], match["code"], match["output"])
        for match in BLOCK.finditer(text)
        if match["skip"] is None
    ]


def run_python(page: str, block: Block, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    # Blank lines in front, so that a traceback shows the line of the page.
    code = compile("\n" * (block.line - 1) + block.code, str(ROOT / page), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue()


def run_shell(block: Block) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        env=os.environ | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_code_to_run(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w*)$", text, flags=re.MULTILINE)
    assert {"python", "sh"} <= {block.language for block in blocks(page)}
    assert set(fences) <= {"", "python", "sh", "text", "toml", "json"}, "other names for a language would not be run"


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        printed = run_python(page, block, names) if block.language == "python" else run_shell(block)
        if block.output is not None:
            assert printed == block.output, f"{page}, the block at line {block.line}"
