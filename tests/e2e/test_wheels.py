"""The wheels, as users install them: what is in them, and a prediction in an environment that has nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import release
from fresh_environment import create_environment, pip_for, run
from wheels import shared_files, wheel_problems
from workspace import Distribution, core, distributions

pytestmark = pytest.mark.slow

EXTRAS = {"im-core": "[vision,viz]", "im-backend-onnx": "[cpu]"}
CLASSES = {"circle", "cross", "hexagon", "square", "star", "triangle"}

PREDICT = """
import json
from importlib.metadata import version

import inference_models
from im_demo import picture_path
from inference_models import AutoModel, load_image

with AutoModel.from_pretrained("demo://shapes") as model:
    detections, = model(load_image(picture_path()))
print(json.dumps({
    "file": inference_models.__file__,
    "version": inference_models.__version__,
    "names": sorted(set(detections.names)),
    "shape": detections.xyxy.shape,
    "dtype": str(detections.xyxy.dtype),
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is built lies, source archives too."""
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="module")
def wheels(folder: Path) -> dict[str, Path]:
    """One wheel for each distribution, by name, made as for a release: from the source archive."""
    return {distribution.name: release.build(distribution, folder) for distribution in distributions()}


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheels and what they ask for; returns the folder of its commands."""
    wanted = [f"{wheels[distribution.name]}{EXTRAS.get(distribution.name, '')}" for distribution in distributions()]
    return create_environment(tmp_path_factory.mktemp("installed"), *wanted)


@pytest.mark.parametrize("distribution", distributions(), ids=str)
def test_what_is_in_a_wheel(distribution: Distribution, wheels: dict[str, Path]) -> None:
    assert list(wheel_problems(wheels[distribution.name], distribution)) == []


def test_what_is_wrong_with_a_wheel_is_said(wheels: dict[str, Path]) -> None:
    problems = list(wheel_problems(wheels["im-demo"], core()))
    assert "im_demo/plugin.py is no part of inference_models" in problems
    assert "inference_models/hookspecs.py is missing" in problems
    assert any(problem.startswith("it states ('im-demo'") for problem in problems)


def test_no_two_wheels_install_one_file(wheels: dict[str, Path]) -> None:
    assert list(shared_files(wheels)) == []
    twice = {"one": wheels["im-demo"], "two": wheels["im-demo"]}
    assert "im_demo/plugin.py is in one, two" in list(shared_files(twice))


def test_a_distribution_works_with_its_dependencies_alone(folder: Path, wheels: dict[str, Path]) -> None:
    release.try_alone(next(one for one in distributions() if one.name == "im-demo"), folder)


def test_the_environment_has_no_torch(environment: Path) -> None:
    listed = json.loads(run(*pip_for(environment), "list", "--format=json", cwd=environment))
    installed = {row["name"].lower() for row in listed}
    assert {distribution.name for distribution in distributions()} <= installed
    assert not installed & {"torch", "torchvision", "timm", "tensorrt", "transformers"}


def test_a_prediction_through_python(environment: Path, tmp_path: Path) -> None:
    answer = json.loads(run(environment / "python", "-c", PREDICT, cwd=tmp_path, INFERENCE_HOME=str(tmp_path)))
    assert Path(answer["file"]).is_relative_to(environment.parent)
    assert answer["version"] == core().version
    assert set(answer["names"]) <= CLASSES
    assert len(answer["names"]) > 1
    assert answer["shape"][0] >= len(answer["names"])
    assert (answer["shape"][1], answer["dtype"]) == (4, "float32")


def test_a_prediction_through_the_command_line(environment: Path, tmp_path: Path) -> None:
    picture = run(environment / "python", "-m", "im_demo", cwd=tmp_path).strip()
    predict = ["predict", "demo://shapes", picture, "--output", "drawn"]
    output = run(environment / "im", *predict, cwd=tmp_path, INFERENCE_HOME=str(tmp_path))
    assert [name for name in CLASSES if name in output]
    drawn = list((tmp_path / "drawn").glob("*.png"))
    assert len(drawn) == 1
    assert drawn[0].name in output.replace("\n", "")
    assert drawn[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert drawn[0].stat().st_size > 10_000


def test_the_doctor_finds_nothing_broken(environment: Path, tmp_path: Path) -> None:
    report = json.loads(run(environment / "im", "doctor", "--json", cwd=tmp_path))
    assert report
