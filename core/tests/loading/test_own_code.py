"""Directories with code of their own: what the class is given, and what is made of its mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from inference_models import AutoModel, LoadedFrom
from inference_models.errors import InvalidParameterError, ModelInputError, ModelLoadingError, UnknownBackendTypeError


def load(directory: Path, from_pretrained: str, **options: Any) -> Any:
    """Load a class `Own` that has this method, written as the body of a class."""
    config = {"model_module": "model.py", "model_class": "Own"}
    (directory / "model_config.json").write_text(json.dumps(config), "utf-8")
    body = "class Own:\n    @classmethod\n" + "".join(
        f"    {line}\n" for line in dedent(from_pretrained).strip().splitlines()
    )
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


WISHES = {
    "device": "cuda",
    "backend": ["trt", "onnx"],
    "quantization": "int8",
    "batch_size": (1, 16),
    "model_package_id": "zz",
    "nms_fusion_preferences": True,
    "dependency_models_params": {"letters": {"device": "cpu"}},
}


@pytest.mark.parametrize("name", WISHES)
def test_what_a_class_does_not_take_cannot_be_asked_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidParameterError, match=rf"{name}= cannot be had of .*its class Own takes no {name}"):
        load(tmp_path, "def from_pretrained(cls, path): return cls()", **{name: WISHES[name]})


@pytest.mark.parametrize("takes", ["**options", ", ".join(f"{name}=None" for name in WISHES)])
def test_what_a_class_takes_is_what_was_asked_for(tmp_path: Path, takes: str) -> None:
    returned = "options" if takes.startswith("**") else f"dict({', '.join(f'{name}={name}' for name in WISHES)})"
    assert load(tmp_path, f"def from_pretrained(cls, path, {takes}): return {returned}", **WISHES) == WISHES


@pytest.mark.parametrize("takes", ["", ", **options"])
def test_what_a_class_is_given_first_is_the_directory_and_no_option(tmp_path: Path, takes: str) -> None:
    with pytest.raises(InvalidParameterError, match="Nothing accepts path="):
        load(tmp_path, f"def from_pretrained(cls, path{takes}): return cls()", path="elsewhere")


def test_what_was_not_asked_for_leaves_the_class_its_default(tmp_path: Path) -> None:
    given = load(tmp_path, "def from_pretrained(cls, path, device='x', batch_size=4): return device, batch_size")
    assert given == (None, 4), "a class that takes a device is told that the choice is its own"
    nothing = {"nms_fusion_preferences": False, "dependency_models_params": {}, "allow_untrusted_packages": True}
    assert load(tmp_path, "def from_pretrained(cls, path): return 'it'", **nothing) == "it"


def test_a_default_device_is_no_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_DEVICE", "cuda")
    assert load(tmp_path, "def from_pretrained(cls, path): return 'it'") == "it"
    assert load(tmp_path, "def from_pretrained(cls, path, device): return device") == "cuda"


def test_what_makes_no_sense_is_refused_whatever_the_class_takes(tmp_path: Path) -> None:
    with pytest.raises(UnknownBackendTypeError):
        load(tmp_path, "def from_pretrained(cls, path, **options): return cls()", backend="tensrt")


def test_a_class_that_derives_from_ours_says_where_it_comes_from(tmp_path: Path) -> None:
    code = """
        def from_pretrained(cls, path, device="cpu"):
            class MyModel(Model):
                def from_pretrained(self): ...
            model = MyModel()
            model.device = device
            return model
    """
    expected = LoadedFrom(model_id=str(tmp_path), provider="local", device="cuda:1")
    assert load(tmp_path, code, device="cuda:1").loaded_from == expected
