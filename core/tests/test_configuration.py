"""Variables are read when used, parsed strictly, and explain themselves when they cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inference_models import configuration
from inference_models.configuration import Variable
from inference_models.errors import InvalidEnvVariable
from inference_models.parsing import parse_positive_float


def test_a_variable_is_read_when_it_is_used(monkeypatch) -> None:
    assert configuration.STRICT_PLUGINS.get() is False
    monkeypatch.setenv("INFERENCE_MODELS_STRICT_PLUGINS", "Yes")
    assert configuration.STRICT_PLUGINS.get() is True
    assert configuration.STRICT_PLUGINS.is_set


def test_a_bad_value_names_the_variable_the_value_and_what_is_accepted(monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_STRICT_PLUGINS", "perhaps")
    with pytest.raises(InvalidEnvVariable, match=r"INFERENCE_MODELS_STRICT_PLUGINS .*'perhaps'.*true.*false"):
        configuration.STRICT_PLUGINS.get()


def test_a_secret_value_is_not_shown(monkeypatch) -> None:
    variable = Variable(name="ACME_TOKEN", default=0.0, parse=parse_positive_float, description="x", secret=True)
    monkeypatch.setenv("ACME_TOKEN", "hunter2")
    with pytest.raises(InvalidEnvVariable) as caught:
        variable.get()
    assert "hunter2" not in str(caught.value)


def test_a_bad_value_does_not_break_the_import() -> None:
    code = "import inference_models; from inference_models import AutoModel"
    environment = {"INFERENCE_MODELS_STRICT_PLUGINS": "perhaps", "API_CALLS_TIMEOUT": "never", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_the_home_directory_is_expanded(monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_HOME", "~/models")
    assert configuration.INFERENCE_HOME.get() == Path.home() / "models"
    monkeypatch.setenv("INFERENCE_HOME", "")
    assert configuration.INFERENCE_HOME.get() is None
    monkeypatch.setenv("INFERENCE_HOME", "~nobody-of-this-name/models")
    with pytest.raises(InvalidEnvVariable, match=r"INFERENCE_HOME .*a user whom this machine knows"):
        configuration.INFERENCE_HOME.get()


def test_every_variable_stands_in_the_table_once() -> None:
    variables = [value for value in vars(configuration).values() if isinstance(value, Variable)]
    assert sorted(v.name for v in variables) == sorted(v.name for v in configuration.VARIABLES)
    assert all(variable.description.endswith(".") for variable in variables)
