"""Files of a package directory by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.developer_tools import get_model_package_contents
from inference_models.errors import CorruptedModelPackageError


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    for name in ("weights.onnx", "class_names.txt", "base/config.json"):
        (tmp_path / name).write_text("x", "utf-8")
    return tmp_path


def test_all_files_are_listed_with_their_folders(package: Path) -> None:
    contents = get_model_package_contents(str(package))
    assert sorted(contents) == ["base/config.json", "class_names.txt", "weights.onnx"]
    assert contents["base/config.json"] == str(package / "base" / "config.json")


def test_only_the_named_ones_are_returned(package: Path) -> None:
    assert list(get_model_package_contents(package, elements=["class_names.txt"])) == ["class_names.txt"]


def test_what_is_missing_is_named_and_what_is_there_too(package: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"lacks engine\.plan\. It holds: base, class_names"):
        get_model_package_contents(package, elements=["weights.onnx", "engine.plan"])


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match="does not exist"):
        get_model_package_contents(tmp_path / "nowhere")
