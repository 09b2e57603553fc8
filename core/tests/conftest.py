"""Fixtures of the core's tests: a clean catalog, and plugins that are really installed."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.catalog import refresh_catalog
from inference_models.environment import refresh_environment
from inference_models.testing.fixtures import install_plugin
from workspace import examples

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

__all__ = ["install_plugin"]

_SERVERS = runpy.run_path(str(Path(__file__).with_name("download") / "fault_server.py"))

# By the names of their entry points: those of their distributions are names that tests and pages give to plugins, too.
EXAMPLES = ",".join(name for example in examples() for name in example.plugin_modules)


@pytest.fixture(autouse=True)
def _fresh_catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without switches, without the examples, and without what another test discovered."""
    for name in ("DISABLE_PLUGINS", "ONLY_PLUGINS", "STRICT_PLUGINS", "PREFER", "BACKEND_ORDER"):
        monkeypatch.delenv(f"INFERENCE_MODELS_{name}", raising=False)
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", EXAMPLES)
    refresh_catalog()
    refresh_environment()
    yield
    refresh_catalog()
    refresh_environment()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server on a real socket that can be told to go wrong."""
    running: FaultServer = _SERVERS["FaultServer"]()
    yield running
    running.close()


@pytest.fixture
def other_server() -> Iterator[FaultServer]:
    """Another origin: same host, another port."""
    running: FaultServer = _SERVERS["FaultServer"]()
    yield running
    running.close()
