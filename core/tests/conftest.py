"""Fixtures of the core's tests: a clean catalog, and plugins that are really installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from inference_models.catalog import refresh_catalog
from inference_models.environment import refresh_environment
from inference_models.testing import installed_plugin
from workspace import examples

InstallPlugin = Callable[..., Path]

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
def install_plugin(tmp_path: Path) -> Iterator[InstallPlugin]:
    """Return a function that installs a plugin until the test ends: `install_plugin("acme", source)`."""
    with ExitStack() as stack:

        def install(distribution: str, source: str, **options: object) -> Path:
            directory = tmp_path / "site" / f"{distribution}-{len(list(tmp_path.glob('site/*')))}"
            return stack.enter_context(installed_plugin(directory, distribution, source, **options))

        yield install
