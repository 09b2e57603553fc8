"""Policies that are in force while a test runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that puts a policy in force: `policy('[providers]\\nallow = ["demo"]')`."""

    def write(text: str) -> Path:
        path = tmp_path / "policy.toml"
        path.write_text(dedent(text), "utf-8")
        monkeypatch.setenv("INFERENCE_MODELS_POLICY", str(path))
        return path

    return write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way to a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("API_CALLS_TIMEOUT", "20")
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
