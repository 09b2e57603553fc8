"""Servers for the tests of downloads."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("API_CALLS_TIMEOUT", "20")


@pytest.fixture
def short_waits_and_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test shows in a second what takes minutes and gigabytes."""
    from inference_models.download import ranges, retries

    monkeypatch.setattr(retries, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(ranges, "FIRST_SIZE", 2 << 20)
    monkeypatch.setattr(ranges, "PIECE_SIZE", 1 << 20)
