"""The wheels, as users install them: what is in them, and a prediction in an environment that has nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from workspace import PLUGIN_GROUP, ROOT, Distribution, core, distributions

pytestmark = pytest.mark.slow

EXTRAS = {"im-core": "[vision,viz]", "im-backend-onnx": "[cpu]"}
LARGEST_WHEEL = 8_000_000  # bytes; the demo models are the bulk of it
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


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command in an environment without anything that could lead back to the source tree."""
    ours = ("PYTHON", "COV_", "VIRTUAL", "INFERENCE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | variables, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One wheel for each distribution, by name."""
    folder = tmp_path_factory.mktemp("wheels")
    for distribution in distributions():
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=distribution.directory)
    return {wheel.name.partition("-")[0].replace("_", "-"): wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def environment(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheels and what they ask for; returns the folder of its commands."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=True)
    commands = home / ("Scripts" if os.name == "nt" else "bin")
    wanted = [f"{wheels[distribution.name]}{EXTRAS.get(distribution.name, '')}" for distribution in distributions()]
    options = ["--disable-pip-version-check", "--no-compile", "-qq", "-c", str(ROOT / "constraints.txt")]
    run(commands / "python", "-m", "pip", "install", *options, *wanted, cwd=home)
    return commands


def test_every_distribution_builds(wheels: dict[str, Path]) -> None:
    assert sorted(wheels) == sorted(distribution.name for distribution in distributions())


@pytest.mark.parametrize("distribution", distributions(), ids=str)
def test_what_is_in_a_wheel(distribution: Distribution, wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels[distribution.name]) as wheel:
        names = wheel.namelist()
        info = next(name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = message_from_string(wheel.read(f"{info}/METADATA").decode())
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()

    package = distribution.package.name
    assert {name.partition("/")[0] for name in names} == {package, info}, (
        "nothing but the package: no tests, no training"
    )
    assert f"{package}/py.typed" in names
    assert not [name for name in names if "/tests/" in name or "/training/" in name or name.endswith(".pyc")]
    sources = {path.relative_to(distribution.package.parent).as_posix() for path in distribution.package.rglob("*.py*")}
    assert {name for name in sources if "__pycache__" not in name} <= set(names)
    assert (metadata["Name"], metadata["Version"]) == (distribution.name, distribution.version)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"# {distribution.name}" in metadata.get_payload()
    assert f"[{PLUGIN_GROUP}]" in entry_points
    assert wheels[distribution.name].stat().st_size < LARGEST_WHEEL


def test_the_environment_has_no_torch(environment: Path) -> None:
    listed = json.loads(run(environment / "python", "-m", "pip", "list", "--format=json", cwd=environment))
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
