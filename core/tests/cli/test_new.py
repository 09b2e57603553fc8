from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from packaging.requirements import Requirement

import inference_models
from inference_models.cli.new import new
from inference_models.cli.rendering import render, write_project
from inference_models.errors import InvalidParameterError

Im = Callable[..., Result]

KINDS = ["model", "backend", "provider"]
each_kind = pytest.mark.parametrize("kind", KINDS)

# The shortest name, a usual one, and one that makes lines long.
NAMES = ["q", "acme-detector", "the-quality-assurance-department-of-example"]


def parsed(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@each_kind
def test_a_project_has_all_that_publishing_takes(kind: str, here: Path, im_run: Im) -> None:
    result = im_run("new", kind, "Acme.Thing")
    assert result.exit_code == 0, result.output
    project = here / "acme-thing"
    for name in ("README.md", "LICENSE", ".gitignore", "tests/test_contract.py", "src/acme_thing/py.typed"):
        assert (project / name).is_file()
    declared = parsed(project)["project"]
    assert declared["name"] == "acme-thing"
    assert declared["entry-points"] == {"inference_models.v1": {"acme-thing": "acme_thing.plugin"}}
    assert declared["license"] == "Apache-2.0"
    assert (project / "README.md").read_text("utf-8").startswith("# acme-thing\n")
    assert "python-version: ${{ matrix.python }}\n" in (project / ".github/workflows/ci.yml").read_text("utf-8")


@each_kind
def test_dependencies_are_ranges_that_this_core_is_in(kind: str, here: Path, im_run: Im) -> None:
    im_run("new", kind, "acme")
    declared = parsed(here / "acme")["project"]
    rows = [Requirement(row) for row in [*declared["dependencies"], *declared["optional-dependencies"]["test"]]]
    ours = [row for row in rows if row.name.startswith("im-")]
    assert {"im-core"} <= {row.name for row in ours}
    assert all(inference_models.__version__ in row.specifier for row in ours)
    assert all("1000" not in row.specifier for row in ours), "a later core may have another API"
    assert [row.extras for row in ours if row.name == "im-core"][-1] == {"testing"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", "im-core>=0.1.0,<0.2"),
        ("0.9.2rc1+local", "im-core>=0.9.2rc1,<0.10"),
        ("2.3.1", "im-core>=2.3.1,<3"),
        ("unknown", "im-core"),
    ],
)
def test_the_range_ends_where_the_api_may_change(
    version: str, expected: str, here: Path, im_run: Im, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_models._version.__version__", version)
    im_run("new", "provider", "acme")
    assert parsed(here / "acme")["project"]["dependencies"] == [expected]


def test_tools_are_set_up_alike(here: Path, im_run: Im) -> None:
    tools = []
    for kind in KINDS:
        im_run("new", kind, "acme", "--directory", kind)
        tools.append(parsed(here / kind)["tool"])
        tools[-1]["mypy"].pop("overrides", None)
    assert tools[0] == tools[1] == tools[2]


def test_the_licence_is_the_repositorys_own() -> None:
    root = Path(__file__).parents[3]
    assert render("model", dict.fromkeys(VALUES, "x"))["LICENSE"] == (root / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("provider", "acme-provider", "acme"),
        ("provider", "acme-model", "acme-model"),
        ("backend", "acme-npu-backend", "acme-npu"),
        ("model", "ACME_detector", "acme-detector"),
        ("model", "model", "model"),
    ],
)
def test_json(kind: str, name: str, key: str, here: Path, im_run: Im) -> None:
    document = json.loads(im_run("new", kind, name, "--directory", "made/there", "--json").stdout)
    project = here / "made/there"
    assert document["key"] == key
    assert document["directory"] == str(project)
    assert document["files"] == sorted(p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file())
    assert document["package"] == document["name"].replace("-", "_")
    assert set(document) == {"schema", "kind", "name", "package", "key", "directory", "files"}


def test_what_to_do_next_is_said(here: Path, im_run: Im) -> None:
    output = im_run("new", "backend", "acme-npu", "--directory", "my projects/npu").stdout
    assert "Wrote a backend, 'acme-npu', into my projects/npu: 14 files." in output
    assert "  cd 'my projects/npu'\n" in output
    assert "pip install -e" in output


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("model", "im-mine", "im- begins the names of the project's own"),
        ("model", "-x", "letters and digits"),
        ("model", "a b", "letters and digits"),
        ("model", "a/b", "letters and digits"),
        ("model", "ä", "letters and digits"),
        ("model", "acme\n", "letters and digits"),
        ("model", "3d-net", "'3d_net' cannot be the name of an import package"),
        ("model", "class", "'class' cannot be"),
        ("model", "Match", "'match' cannot be"),
        ("model", "json", "would hide the module 'json'"),
        ("model", "tests", "would hide the module 'tests'"),
        ("model", "inference-models", "would hide the module 'inference_models'"),
        ("model", "NumPy", "'NumPy' is installed here and is no plugin"),
        ("provider", "roboflow", "'roboflow' is the name of a weights provider"),
        ("provider", "local-provider", "'local' is the name of a weights provider"),
        ("provider", "demo", "'demo' is the name of a weights provider"),
        ("backend", "onnx", "'onnx' is the name of a backend"),
        ("backend", "hugging_face-backend", "'hugging-face' is the name of a backend"),
        ("model", "yolov8", "'yolov8' is the name of a model family"),
    ],
)
def test_names_that_cannot_be_used(kind: str, name: str, reason: str, here: Path, im_run: Im) -> None:
    result = im_run("new", kind, "--", name)
    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("kind", ["directory", "full directory", "file", "dangling link"])
def test_what_exists_stays_as_it_is(kind: str, here: Path, im_run: Im) -> None:
    target = here / "acme"
    if kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to(here / "nowhere")
    else:
        target.mkdir()
        if kind == "full directory":
            (target / "mine").touch()
    before = [str(path) for path in here.rglob("*")]
    result = im_run("new", "model", "acme")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert [str(path) for path in here.rglob("*")] == before


def test_nothing_is_left_of_what_cannot_be_written_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def write_text(path: Path, *args: object, **options: object) -> int:
        written.append(path)
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        return len(path.name)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(InvalidParameterError, match="No space left on device"):
        write_project(here / "acme", "model", dict.fromkeys(VALUES, "acme"))
    assert len(written) == 5
    assert list(here.iterdir()) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_place_that_cannot_be_written_to_is_an_error(here: Path, im_run: Im) -> None:
    here.chmod(0o500)
    result = im_run("new", "model", "acme")
    here.chmod(0o700)
    assert result.exit_code == 1
    assert "cannot be written (Permission denied)" in result.stderr


VALUES = ("name", "package", "key", "variable", "core")


def test_the_kinds_are_those_that_have_templates() -> None:
    (argument,) = (parameter for parameter in new.params if parameter.name == "kind")
    assert isinstance(argument.type, click.Choice)
    templates = Path(inference_models.__file__).parent / "templates"
    assert sorted([*argument.type.choices, "common"]) == sorted(path.name for path in templates.iterdir())
    assert not list(templates.rglob("*.py")), "templates are data: no tool may take them for modules"


def test_a_new_provider_vouches_for_nothing(here: Path, im_run: Im) -> None:
    im_run("new", "provider", "acme")
    source = (here / "acme/src/acme/provider.py").read_text("utf-8")
    assert "\nVOUCHED_FOR = False\n" in source
    assert "trusted_source=VOUCHED_FOR," in source
    assert "trusted_source=True" not in source


def tool(name: str, *arguments: object, cwd: Path) -> str:
    command = [sys.executable, "-m", name, *map(str, arguments)]
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_projects_are_formatted_and_without_findings(name: str, here: Path, im_run: Im) -> None:
    for kind in KINDS:
        im_run("new", kind, name, "--directory", kind)
        tool("ruff", "check", "--no-cache", cwd=here / kind)
        tool("ruff", "format", "--check", "--diff", "--no-cache", cwd=here / kind)


@pytest.mark.slow
def test_projects_have_sound_types(here: Path, im_run: Im) -> None:
    for kind in KINDS:
        im_run("new", kind, f"factory-{kind}")
        assert parsed(here / f"factory-{kind}")["tool"]["mypy"]["strict"]
        tool("mypy", "--cache-dir", here / "cache", cwd=here / f"factory-{kind}")
