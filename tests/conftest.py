"""What the repository-wide tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from workspace import examples

# By the names of their entry points: those of their distributions are names that pages give to plugins, too.
EXAMPLES = ",".join(name for example in examples() for name in example.plugin_modules)


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep tests, and the processes that they start, out of the user's cache."""
    home = tmp_path_factory.mktemp("inference-home")
    monkeypatch.setenv("INFERENCE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def _without_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show tests and the processes that they start what users have, who did not install the examples."""
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", EXAMPLES)
