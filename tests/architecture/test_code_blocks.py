"""Code that people read in the documentation is run by a test, or a mark right above it says why not."""

from __future__ import annotations

import re

import pytest

from doc_blocks import SETTINGS_OF_OUTPUT, Block, run_shell
from workspace import ROOT

CODE = re.compile(r"(?P<mark><!-- not run: \S[^\n]* -->\n+)?^ *```(?P<language>[\w-]*)\n", re.MULTILINE)
FENCE_END = re.compile(r"^ *```$", re.MULTILINE)
DATA = {"json", "text", "toml", "yaml", "ini"}  # shown, not run
PROGRAMS = {"python", "sh"}

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "core/*.md", "docs/**/*.md", "plugins/*/*.md", "examples/*/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
RUNNING_TESTS = [
    text
    for pattern in ("tests/e2e/*.py", "plugins/*/tests/*.py", "examples/*/tests/*.py")
    for path in ROOT.glob(pattern)
    if "run_page" in (text := path.read_text(encoding="utf-8"))
]


def code_blocks(page: str) -> list[tuple[int, str, bool]]:
    """Return line, language, and whether a mark says why it is not run, of each block of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found, start = [], 0
    while (opening := CODE.search(text, start)) is not None:
        line = text.count("\n", 0, opening.end()) + 1
        found.append((line, opening["language"], opening["mark"] is not None))
        closing = FENCE_END.search(text, opening.end())
        assert closing is not None, f"{page}, line {line}: the block does not end"
        start = closing.end()
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_data_or_run_or_says_why_not(page: str) -> None:
    is_run = any(f'"{page}"' in text for text in RUNNING_TESTS)
    for line, language, marked in code_blocks(page):
        assert language in DATA | PROGRAMS, f"line {line}: name the language, one of {sorted(DATA | PROGRAMS)}"
        assert language in DATA or marked or is_run, (
            f"line {line}: no test runs this page. Add it to one in tests/e2e, or say why above the block: "
            f"<!-- not run: the reason -->"
        )


def test_the_output_of_a_block_is_that_of_a_plain_terminal_wherever_it_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS_OF_OUTPUT:
        monkeypatch.setenv(name, "1")
    code = "".join(f"echo ${{{name}-unset}}\n" for name in SETTINGS_OF_OUTPUT)
    expected = {"NO_COLOR": "1", "COLUMNS": "100"}
    assert run_shell(Block(1, "sh", code, None)).split() == [expected.get(name, "unset") for name in SETTINGS_OF_OUTPUT]
