"""Every distribution has the same shape, examples too, and all but those share one version."""

from __future__ import annotations

import pytest

from workspace import PLUGIN_GROUP, ROOT, Distribution, core, distributions, examples, plugins

each_distribution = pytest.mark.parametrize("distribution", distributions(), ids=str)
each_directory = pytest.mark.parametrize("distribution", [*distributions(), *examples()], ids=str)
each_plugin = pytest.mark.parametrize("plugin", plugins(), ids=str)


def test_there_are_plugins() -> None:
    assert {"im-backend-onnx", "im-demo", "im-yolo"} <= {plugin.name for plugin in plugins()}


@each_directory
def test_files_that_every_distribution_has(distribution: Distribution) -> None:
    directory = distribution.directory
    assert (distribution.package / "__init__.py").is_file()
    assert (distribution.package / "py.typed").is_file()
    assert list(directory.glob("tests/**/test_*.py"))
    assert not list(directory.glob("tests/**/__init__.py")), "pytest imports tests by path"
    readme = (directory / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {distribution.name}\n")
    assert len(readme.split()) > 50, "a README says what the distribution is for"


@each_directory
def test_project_table(distribution: Distribution) -> None:
    project = distribution.project
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == ">=3.11"
    assert project["readme"] == "README.md"
    assert project["description"]
    assert "Typing :: Typed" in project["classifiers"]
    build_system = distribution.pyproject["build-system"]
    assert build_system["build-backend"] == "hatchling.build"
    assert all(requirement.startswith("hatchling") for requirement in build_system["requires"])


@each_distribution
def test_one_version_everywhere(distribution: Distribution) -> None:
    assert distribution.version == core().version


@each_directory
def test_tools_are_configured_in_the_root_only(distribution: Distribution) -> None:
    assert set(distribution.pyproject["tool"]) == {"hatch"}


@each_plugin
def test_a_plugin_is_named_after_its_directory_and_found_by_its_entry_point(plugin: Distribution) -> None:
    assert plugin.directory.name == plugin.name
    assert plugin.name.startswith("im-")
    modules = plugin.plugin_modules
    assert list(modules.values()) == [f"{plugin.package.name}.plugin"], f"one entry point in {PLUGIN_GROUP}"
    assert (plugin.package / "plugin.py").is_file()
    assert "inference-models-plugin" in plugin.project["keywords"]


@each_plugin
def test_a_plugin_pins_the_core_of_its_own_version(plugin: Distribution) -> None:
    requirements = [name for name in plugin.project["dependencies"] if name.startswith("im-core")]
    assert [name.replace("[vision]", "") for name in requirements] == [f"im-core=={core().version}"]


@each_plugin
def test_a_plugin_depends_on_no_other_plugin(plugin: Distribution) -> None:
    others = [other.name for other in plugins() if other != plugin]
    extras = plugin.project.get("optional-dependencies", {}).values()
    requirements = [*plugin.project["dependencies"], *(name for extra in extras for name in extra)]
    assert [name for name in requirements for other in others if name.startswith(other)] == []


def test_torchvision_and_timm_are_never_required() -> None:
    """Their wheels break `import transformers` wherever they do not match torch exactly."""
    patterns = ("*/pyproject.toml", "plugins/*/pyproject.toml", "examples/*/pyproject.toml")
    texts = [path.read_text() for pattern in patterns for path in ROOT.glob(pattern)]
    assert not [name for name in ("torchvision", "timm") for text in texts if name in text]
