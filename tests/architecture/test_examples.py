"""The examples are what somebody else would publish: they use what is public, and need nothing of this repository."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from workspace import PLUGIN_GROUP, ROOT, Distribution, core, examples, plugins

PUBLIC = {"inference_models", "inference_models.developer_tools"}
PUBLIC_IN_TESTS = PUBLIC | {"inference_models.testing", "inference_models.testing.fixtures"}
NOT_THEIRS = {plugin.package.name for plugin in plugins()} | {path.stem for path in ROOT.glob("tools/*.py")}

each_example = pytest.mark.parametrize("example", examples(), ids=str)


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, those that `from package import module` may mean included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            submodules = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name for name in submodules if is_module_of_core(name))
            yield node.module


def is_module_of_core(name: str) -> bool:
    path = core().package.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def not_public(tree: Path, public: set[str], others: set[str]) -> list[str]:
    return [
        f"{path.name}: {name}"
        for path in sorted(tree.rglob("*.py"))
        for name in imported(path)
        if name.partition(".")[0] in others or (name.startswith("inference_models") and name not in public)
    ]


@each_example
def test_an_example_imports_what_is_public(example: Distribution) -> None:
    others = NOT_THEIRS | {other.package.name for other in examples() if other != example}
    assert not_public(example.directory / "src", PUBLIC, others) == []
    needed = {Requirement(text).name for text in example.project["optional-dependencies"]["test"]}
    named = {plugin.package.name for plugin in plugins() if plugin.name in needed}
    assert not_public(example.directory / "tests", PUBLIC_IN_TESTS, others - named) == []


def test_an_import_that_is_not_public_is_seen(tmp_path: Path) -> None:
    lines = ["import im_yolo.plugin", "from inference_models import AutoModel, specs", "import inference_models.store"]
    (tmp_path / "module.py").write_text("\n".join([*lines, "from .specs import one", "import numpy"]))
    seen = ["module.py: im_yolo.plugin", "module.py: inference_models.specs", "module.py: inference_models.store"]
    assert not_public(tmp_path, PUBLIC, NOT_THEIRS) == seen


@each_example
def test_an_example_is_a_plugin_of_its_own(example: Distribution) -> None:
    assert example.directory.name == example.name
    assert not example.name.startswith("im-"), "that prefix is for the distributions of this repository"
    modules = example.plugin_modules
    assert list(modules.values()) == [f"{example.package.name}.plugin"], f"one entry point in {PLUGIN_GROUP}"
    assert "inference-models-plugin" in example.project["keywords"]


@each_example
def test_an_example_takes_a_range_of_releases(example: Distribution) -> None:
    """A plugin of somebody else's pins nothing of ours: it works with every release of one plugin API."""
    requirements = [Requirement(text) for text in example.project["dependencies"]]
    [ours] = [requirement for requirement in requirements if requirement.name == "im-core"]
    assert core().version in ours.specifier
    assert {one.operator for one in ours.specifier} == {">=", "<"}


@each_example
def test_an_example_runs_the_contracts(example: Distribution) -> None:
    contracts = (example.directory / "tests/test_contract.py").read_text(encoding="utf-8")
    assert "(PluginContract)" in contracts
    assert "test" in example.project["optional-dependencies"], "what its tests need; `make setup` installs it"
