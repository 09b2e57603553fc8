"""The fixtures for authors of plugins, used as they use them: in a test run of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = 'pytest_plugins = ["inference_models.testing.fixtures"]\n'
TESTS = '''
import os, subprocess, sys
from pathlib import Path
import pytest
from inference_models import PluginLoadError
from inference_models.developer_tools import current_catalog

SOURCE = """
from inference_models.developer_tools import WeightsProviderSpec, hookimpl

@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(name="zeta", target=print)
"""
PROVIDERS = "from inference_models.developer_tools import current_catalog;" \\
    "print(*(row.spec.name for row in current_catalog().providers()))"


def names():
    return {row.spec.name for row in current_catalog().providers()}


def in_another_process(directory):
    environment = {**os.environ, "PYTHONPATH": str(directory)}
    run = subprocess.run([sys.executable, "-c", PROVIDERS], env=environment, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_everything_installed_is_seen_without(install_plugin):
    install_plugin("im-zeta", SOURCE)
    assert names() >= {"local", "roboflow", "zeta"}


def test_only_the_core_is_seen(only_plugins, install_plugin):
    directory = install_plugin("im-zeta", SOURCE)
    assert names() == {"local", "roboflow"} == in_another_process(directory)


def test_what_is_named_is_seen(only_plugins, install_plugin):
    only_plugins("im-zeta")
    directory = install_plugin("im-zeta", SOURCE)
    assert names() == {"local", "roboflow", "zeta"} == in_another_process(directory)


def test_what_does_not_load_is_an_error(only_plugins, install_plugin):
    only_plugins("im-broken")
    install_plugin("im-broken", "1 / 0")
    with pytest.raises(PluginLoadError):
        current_catalog()


def test_nothing_is_left(monkeypatch):
    assert "INFERENCE_MODELS_ONLY_PLUGINS" not in os.environ
    assert not any("im-zeta" in entry for entry in sys.path)
    assert "zeta" not in names()


def test_the_cache_is_empty_and_the_tests_own(inference_home, tmp_path):
    assert os.environ["INFERENCE_HOME"] == str(inference_home)
    assert tmp_path in inference_home.parents
    assert not inference_home.exists()
'''


def test_fixtures_of_a_plugins_own_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_plugin.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INFERENCE_MODELS_")}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "6 passed" in run.stdout
