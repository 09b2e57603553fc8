"""Policies that are in force while a test runs."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

_MODULE = runpy.run_path(str(Path(__file__).parent.with_name("download") / "fault_server.py"))


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


@pytest.fixture
def server() -> Iterator[FaultServer]:
    running: FaultServer = _MODULE["FaultServer"]()
    yield running
    running.close()


@pytest.fixture
def other_server() -> Iterator[FaultServer]:
    """Another origin: same host, another port."""
    running: FaultServer = _MODULE["FaultServer"]()
    yield running
    running.close()
