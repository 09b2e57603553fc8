"""The reference pages say what the code says: every hook, variable and error, and nothing that does not exist."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from inference_models import configuration, errors, hookspecs
from inference_models.cli.application import im
from inference_models.configuration import Variable
from workspace import ROOT, distributions

REFERENCE = ROOT / "docs/reference"
ERRORS = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.BaseInferenceModelsError)
}


def headings(page: str, level: int) -> list[str]:
    text = re.sub(r"^```.*?^```", "", (REFERENCE / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [line.strip("` ") for line in re.findall(rf"^#{{{level}}} (.+)$", text, flags=re.MULTILINE)]


def sections(page: str, level: int) -> dict[str, str]:
    """Return the text below each heading of a level, up to the next one of that level."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    parts = re.split(rf"^#{{{level}}} (.+)$", text, flags=re.MULTILINE)
    return {heading.strip("` "): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def signature(function: Callable[..., Any]) -> str:
    declared = inspect.signature(function)
    return f"{function.__name__}({', '.join(map(str, declared.parameters.values()))}) -> {declared.return_annotation}"


def test_hooks() -> None:
    marker = f"{hookspecs.PROJECT_NAME}_spec"
    hooks = [value for value in vars(hookspecs).values() if inspect.isfunction(value) and hasattr(value, marker)]
    assert len(hooks) == 4
    assert [name for name in headings("hooks.md", 2) if "(" in name] == [signature(hook) for hook in hooks]


def all_variables() -> Iterator[Variable[Any]]:
    """Yield the core's variables, then those that plugins define at the top of a module."""
    yield from configuration.VARIABLES
    for distribution in distributions()[1:]:
        for path in sorted(distribution.package.rglob("*.py")):
            if "Variable(" in path.read_text(encoding="utf-8") or "Variable[" in path.read_text(encoding="utf-8"):
                name = ".".join(path.relative_to(distribution.package.parent).with_suffix("").parts)
                yield from (value for value in vars(import_module(name)).values() if isinstance(value, Variable))


def test_variables() -> None:
    variables = {variable.name: variable for variable in all_variables()}
    documented = sections("configuration.md", 3)
    assert list(documented) == list(variables), "the same names, the core's in the order of VARIABLES"
    without = [name for name, text in documented.items() if variables[name].description not in " ".join(text.split())]
    assert without == [], "the page carries the variable's own description"


def test_every_variable_is_listed() -> None:
    """A variable that is defined beside the list would be missing from reports and from the reference."""
    defined = {value.name for value in vars(configuration).values() if isinstance(value, Variable)}
    assert defined == {variable.name for variable in configuration.VARIABLES}


# Facts about the machine that others put into the environment. They configure nothing of ours.
FOREIGN_VARIABLES = {
    "COMPUTERNAME",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "PATH",
}


def test_our_variables_are_read_in_one_place() -> None:
    reads = re.compile(r"os\.environ\b(?:\.get\(\"(\w+)\")?|getenv\b")
    elsewhere = [
        f"{path.relative_to(ROOT)}: {read.group()}"
        for distribution in distributions()
        for path in sorted(distribution.package.rglob("*.py"))
        for read in reads.finditer(path.read_text(encoding="utf-8"))
        if path.name != "configuration.py" and read[1] not in FOREIGN_VARIABLES
        if "inference_models/testing/" not in path.as_posix()  # sets and compares variables, takes no setting from them
    ]
    assert elsewhere == []


def test_commands() -> None:
    documented = sections("cli.md", 2)
    assert list(documented) == [f"im {name}" for name in im.commands]
    for name, command in im.commands.items():
        commands = [command, *getattr(command, "commands", {}).values()]
        parameters = [parameter for one in commands for parameter in one.params]
        options = {option for parameter in parameters for option in parameter.opts if option.startswith("--")}
        written = set(re.findall(r"--[a-z][a-z0-9-]+", documented[f"im {name}"]))
        assert written == options, name


def test_errors() -> None:
    assert headings("errors.md", 3) == list(ERRORS), "the same names in the same order as errors.py"


@pytest.mark.parametrize("name", ERRORS)
def test_the_text_about_an_error(name: str) -> None:
    text = sections("errors.md", 3)[name]
    assert all(word in text for word in ("**When**", "**Check**", "**Fix**"))


def test_help_urls_lead_to_the_headings() -> None:
    assert f"site_url: {errors.DOCUMENTATION_URL}/\n" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for name, error_class in ERRORS.items():
        error = error_class("reason")
        assert error.help_url == f"{errors.DOCUMENTATION_URL}/reference/errors/#{name.lower()}"


def called_names() -> set[str]:
    calls = (
        node.func
        for distribution in distributions()
        for path in distribution.package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )
    return {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}


def test_no_error_is_dead() -> None:
    """Errors that group others need not be raised themselves."""
    groups = {base.__name__ for value in ERRORS.values() for base in value.__bases__}
    assert sorted(set(ERRORS) - groups - called_names()) == []
