"""The wheels of the examples, installed beside what is there already: found, in order, and of use."""

from __future__ import annotations

import json
import os
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from fresh_environment import build_wheels, pip_for, run
from im_demo import picture_path
from workspace import Distribution, examples

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel of each example, by name."""
    return build_wheels(tmp_path_factory.mktemp("wheels"), [example.directory for example in examples()])


@pytest.fixture(scope="module")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheels, and all else from the one that runs the tests."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    run(*pip_for(python.parent), "install", "-q", "--no-deps", "--no-index", *wheels.values(), cwd=home)
    # Last, so that the wheels come before the editable installs of the same distributions.
    ours = repr(sysconfig.get_path("purelib"))
    Path(site, "the-others.pth").write_text(f"import site; site.addsitedir({ours})\n", "utf-8")
    return python


@pytest.mark.parametrize("example", examples(), ids=str)
def test_what_is_in_a_wheel(example: Distribution, wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels[example.name]) as wheel:
        names = wheel.namelist()
    package = example.package.name
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {package}, "the package and its metadata"
    sources = [path for path in example.package.rglob("*") if path.is_file()]
    files = {path.relative_to(example.package.parent).as_posix() for path in sources}
    assert {name for name in files if "__pycache__" not in name} <= set(names)
    assert f"{package}/py.typed" in names


@pytest.mark.parametrize("example", examples(), ids=str)
def test_an_example_is_found_where_it_was_installed_and_in_order(
    example: Distribution, python: Path, tmp_path: Path
) -> None:
    where = f"import {example.package.name} as package; print(package.__file__)"
    assert Path(run(python, "-c", where, cwd=tmp_path).strip()).is_relative_to(python.parent.parent)
    report = run(python, "-m", "inference_models.cli", "plugins", "check", example.name, "--json", cwd=tmp_path)
    assert json.loads(report)["ok"]


def test_a_model_that_travels_in_a_wheel(python: Path, tmp_path: Path) -> None:
    package = run(python, "-m", "community_model", cwd=tmp_path).strip()
    assert Path(package).is_relative_to(python.parent.parent)
    answer = run(python, "-m", "inference_models.cli", "predict", package, picture_path(), "--json", cwd=tmp_path)
    [prediction] = json.loads(answer)["predictions"]
    assert prediction["type"] == "ImageQuality"
    assert prediction["prediction"]["measures"]
