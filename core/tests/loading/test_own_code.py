"""Directories with code of their own: what the class is given, and what is made of its mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from inference_models import AutoModel
from inference_models.errors import ModelInputError, ModelLoadingError


def load(directory: Path, from_pretrained: str, **options: Any) -> Any:
    """Load a class `Own` that has this method, written as the body of a class."""
    config = {"model_module": "model.py", "model_class": "Own"}
    (directory / "model_config.json").write_text(json.dumps(config), "utf-8")
    body = "class Own:\n    @classmethod\n" + "".join(f"    {line}\n" for line in dedent(from_pretrained).splitlines())
    (directory / "model.py").write_text(f"from inference_models import Model, ModelInputError\n\n{body}", "utf-8")
    return AutoModel.from_pretrained(directory, allow_local_code_packages=True, **options)


def test_a_class_that_returns_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadingError, match=r"from_pretrained of Own in .*model\.py returned None"):
        load(tmp_path, "def from_pretrained(cls, path): cls()")


def test_what_a_class_did_not_expect_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadingError, match=r"ValueError: no weights. The class Own in .*model\.py did") as caught:
        load(tmp_path, "def from_pretrained(cls, path): raise ValueError('no weights')")
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_of_this_library_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelInputError, match=r"\Ano weights\Z"):
        load(tmp_path, "def from_pretrained(cls, path): raise ModelInputError('no weights')")
