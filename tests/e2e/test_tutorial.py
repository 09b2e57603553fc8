"""What the tutorial and the README tell people to type works, in the order in which it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from doc_blocks import blocks, run_page
from workspace import ROOT

PAGES = ["docs/tutorial.md", "README.md"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_code_to_run(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```(\w*)$", text, flags=re.MULTILINE)
    assert {"python", "sh"} <= {block.language for block in blocks(page)}
    assert set(fences) <= {"", "python", "sh", "text", "toml", "json"}, "other names for a language would not be run"


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page)
