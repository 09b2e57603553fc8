"""Fixtures for tests of plugins. Switch them on with `pytest_plugins = ["inference_models.testing.fixtures"]`.

In a conftest that is not the topmost one, import those that are wanted instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from inference_models.catalog import refresh_catalog
from inference_models.configuration import DISABLE_PLUGINS, INFERENCE_HOME, ONLY_PLUGINS, PREFER, STRICT_PLUGINS
from inference_models.environment import refresh_environment
from inference_models.testing.fakes.plugins import installed_plugin

__all__ = ["InstallPlugin", "OnlyPlugins", "inference_home", "install_plugin", "only_plugins"]

OnlyPlugins: TypeAlias = Callable[..., None]
"""`(*names)`: the distributions or entry points that are seen from now on."""

InstallPlugin: TypeAlias = Callable[..., Path]
"""`(distribution, source, **options)`: see `write_plugin`. Returns the directory."""


@pytest.fixture
def only_plugins() -> Iterator[OnlyPlugins]:
    """Hide every installed plugin but the core's own; call it to name those that the test needs, too.

    Example: `only_plugins("acme-provider")`. Processes that the test starts see the same, through the environment.
    Plugins are strict while it lasts: one that does not load is an error and not a note.
    """
    with pytest.MonkeyPatch.context() as environment:

        def show(*names: str) -> None:
            environment.setenv(ONLY_PLUGINS.name, ",".join([_CORE, *names]))
            _forget()

        for variable in (DISABLE_PLUGINS, PREFER):
            environment.delenv(variable.name, raising=False)
        environment.setenv(STRICT_PLUGINS.name, "1")
        show()
        yield show
    _forget()


@pytest.fixture
def install_plugin(tmp_path: Path) -> Iterator[InstallPlugin]:
    """Return a function that installs a plugin until the test ends: `install_plugin("acme", source)`."""
    with ExitStack() as stack:

        def install(distribution: str, source: str, **options: object) -> Path:
            directory = tmp_path / "site" / f"{distribution}-{len(list(tmp_path.glob('site/*')))}"
            return stack.enter_context(installed_plugin(directory, distribution, source, **options))

        yield install


@pytest.fixture
def inference_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the test, and processes that it starts, out of the user's cache: it gets an empty one."""
    home = tmp_path / "inference-home"
    monkeypatch.setenv(INFERENCE_HOME.name, str(home))
    return home


_CORE = "im-core"  # its own providers: local directories, Roboflow


def _forget() -> None:
    refresh_catalog()
    refresh_environment()
