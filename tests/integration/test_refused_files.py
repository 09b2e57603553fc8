"""Packages whose files are refused: a verdict in the plan, before anything is fetched."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_models import AutoModel, NoModelPackagesAvailableError
from inference_models.cli.application import im

MODEL_ID = "workspace/shapes/3"
demo_package = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["demo_package"]


def add_package(api: Any, package_id: str) -> list[dict[str, Any]]:
    """List another package, preferred to the first one for its operator set, and return its files."""
    package = demo_package(api.files, package_id)
    package["packageManifest"]["opset"] = 18
    api.pages[MODEL_ID][None]["modelPackages"].append(package)
    files: list[dict[str, Any]] = package["packageFiles"]
    return files


def load(**options: object) -> Any:
    return AutoModel.from_pretrained(MODEL_ID, **options)


def im_run(*arguments: str) -> Any:
    return CliRunner().invoke(im, [*arguments])


@pytest.fixture
def only(api: Any) -> list[dict[str, Any]]:
    """The files of the one package."""
    [package] = api.pages[MODEL_ID][None]["modelPackages"]
    files: list[dict[str, Any]] = package["packageFiles"]
    return files


def test_a_name_that_is_refused_is_a_verdict(api: Any) -> None:
    add_package(api, "evil")[1]["fileHandle"] = "../class_names.txt"

    plan = AutoModel.explain(MODEL_ID)
    assert [one.package.package_id for one in plan.candidates] == ["onnx-fp32"]
    [rejected] = [one for one in plan.verdicts if not one.usable]
    assert rejected.rejected_by == "has_safe_file_names"
    reason = "its file '../class_names.txt' is refused: '..' leads to another directory. The weights provider must"
    assert reason in (rejected.reason or "")

    assert load().class_names
    assert not [asked for asked, _ in api.files.requests if "evil" in asked]
    with pytest.raises(NoModelPackagesAvailableError, match=r"evil: its file '\.\./class_names\.txt' is refused"):
        load(model_package_id="evil")
    assert load(model_package_id="onnx-fp32").class_names


def test_a_file_without_hash_is_a_verdict_unless_it_is_allowed(api: Any, only: list[dict[str, Any]]) -> None:
    del only[1]["md5Hash"]
    with pytest.raises(NoModelPackagesAvailableError, match=r"names\.txt' came.*download_files_without_hash=True"):
        load(model_package_id="onnx-fp32")
    assert api.files.requests == []

    assert load(download_files_without_hash=True).class_names
    with pytest.raises(NoModelPackagesAvailableError):
        load()  # what was remembered is for who allows it


def test_the_command_line_says_and_allows_the_same(api: Any, only: list[dict[str, Any]]) -> None:
    del only[0]["md5Hash"]
    document = json.loads(im_run("explain", MODEL_ID, "--json").stdout)
    assert [(one["usable"], one["rejected_by"]) for one in document["packages"]] == [(False, "has_file_hashes")]
    assert im_run("download", MODEL_ID).exit_code == 1
    assert api.files.requests == []

    fetched = im_run("download", MODEL_ID, "--download-files-without-hash")
    assert fetched.exit_code == 0, fetched.output
    assert Path(fetched.stdout.strip(), "weights.onnx").is_file()
