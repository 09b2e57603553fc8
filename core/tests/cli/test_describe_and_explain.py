from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Im = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("spot")


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_describe(im_run: Im, spot: Path) -> None:
    result = im_run("describe", "spot://bright")
    assert result.exit_code == 0
    assert "architecture spotnet" in rows(result.stdout)
    assert f"small spot-npu unknown ? yes in {spot}" in rows(result.stdout)


def test_describe_as_json(im_run: Im) -> None:
    document = json.loads(im_run("describe", "bright", "--provider", "spot", "--json").stdout)
    assert (document["schema"], document["model_id"], document["task_type"]) == (1, "bright", "object-detection")
    assert [package["package_id"] for package in document["packages"]] == ["small", "other", "theirs"]


def test_describe_one_package(im_run: Im, spot: Path) -> None:
    result = im_run("describe", "spot://bright", "--package", "theirs")
    assert result.exit_code == 0
    text = rows(result.stdout)
    assert "trusted no: loading it needs allow_untrusted_packages=True" in text
    assert f"directory {spot}" in text
    assert any(row.startswith("spot_model.py") and row.endswith(" kB") for row in text)


def test_describe_one_package_as_json(im_run: Im, spot: Path) -> None:
    document = json.loads(im_run("describe", "spot://bright", "--package", "theirs", "--json").stdout)
    assert (document["schema"], document["model_id"]) == (1, "bright")
    assert document["package"]["trusted_source"] is False
    [source] = [file for file in document["package"]["artefacts"] if file["name"] == "spot_model.py"]
    assert source["size"] == (spot / "spot_model.py").stat().st_size


def test_describe_a_package_that_does_not_exist(im_run: Im) -> None:
    result = im_run("describe", "spot://bright", "--package", "their")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "has no package 'their'. Did you mean 'theirs'?" in result.stderr


def test_explain(im_run: Im) -> None:
    result = im_run("explain", "spot://bright", "--backend", "spot-npu")
    assert result.exit_code == 0
    text = rows(result.stdout)
    assert "1 small spot-npu unknown ? usable with spot 1.0" in text
    assert "- other onnx unknown ? rejected: backend 'onnx' was not asked for (backend=['spot-npu'])" in text
    assert any(row.startswith("- theirs spot-npu unknown ? rejected: its provider does not mark it") for row in text)


def test_explain_as_json(im_run: Im) -> None:
    document = json.loads(im_run("explain", "spot://bright", "--allow-untrusted-packages", "--json").stdout)
    usable = {package["package_id"]: package["usable"] for package in document["packages"]}
    assert document["schema"] == 1
    assert usable["small"]
    assert usable["theirs"]
    assert not usable["other"], "no installed plugin implements spotnet on onnx"


def test_nothing_usable_is_an_answer_too(im_run: Im) -> None:
    result = im_run("explain", "spot://bright", "--package", "none-such")
    assert result.exit_code == 0
    assert "The model cannot be loaded: none of its packages can be used here." in result.stdout


@pytest.mark.parametrize("command", ["describe", "explain"])
def test_an_unknown_model(im_run: Im, command: str) -> None:
    result = im_run(command, "spot://brigth")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "There is no model 'brigth'. Did you mean 'bright'?" in result.stderr
