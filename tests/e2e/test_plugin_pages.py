"""What the pages about plugins of one's own tell people to type works."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from doc_blocks import blocks, run_page

pytestmark = pytest.mark.slow

PAGES = [
    "docs/how-to/publish-a-model.md",
    "docs/how-to/write-a-backend.md",
    "docs/how-to/write-a-provider.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_works(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(os.environ):  # pages may add to it
        assert len(blocks(page)) > 2
        run_page(page)
