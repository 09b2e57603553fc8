"""What the page about policies tells people to type works, and prints what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from doc_blocks import blocks, run_page

PAGE = "docs/how-to/lock-down.md"


def test_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERENCE_MODELS_POLICY", "taken back when the test ends")
    monkeypatch.delenv("INFERENCE_MODELS_POLICY")
    assert len(blocks(PAGE)) > 5
    run_page(PAGE)
