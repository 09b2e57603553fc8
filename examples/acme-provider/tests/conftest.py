"""Acme's index with two versions of a model, an empty cache, and nothing of the user's environment."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

_SERVER = runpy.run_path(str(Path(__file__).with_name("acme_server.py")))
_NETWORKS = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("networks.py"))))


@pytest.fixture(scope="session")
def networks() -> SimpleNamespace:
    """What networks.py defines."""
    return _NETWORKS


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package directory with a real network."""
    directory: Path = _NETWORKS.write_package(tmp_path_factory.mktemp("published") / "defects")
    return directory


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no settings of the user's."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("ACME_TOKEN", "INFERENCE_MODELS_OFFLINE", "OFFLINE_MODE", "API_CALLS_MAX_TRIES"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "cache"
    monkeypatch.setenv("INFERENCE_HOME", str(root))
    return root


@pytest.fixture
def acme(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The index, an `AcmeServer`, with versions 3 and 4 of line-7/defects; it and the token are configured."""
    with _SERVER["AcmeServer"]() as server:
        for version in (3, 4):
            server.publish("line-7/defects", version, package)
        monkeypatch.setenv("ACME_INDEX", server.url)
        monkeypatch.setenv("ACME_TOKEN", server.token)
        yield server
