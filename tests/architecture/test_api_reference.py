"""Every public name has a docstring and a place in the reference, which is built from the docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import griffe
import pytest

import inference_models
from inference_models import developer_tools, errors, testing
from workspace import ROOT

PAGES = {
    "inference_models": ("api.md", vars(inference_models)["__all__"]),
    "inference_models.developer_tools": ("developer-tools.md", vars(developer_tools)["__all__"]),
    "inference_models.testing": ("testing.md", vars(testing)["__all__"]),
}
PACKAGE = griffe.load("inference_models", search_paths=[ROOT / "core/src"])


def documented_names(page: str, module: str) -> list[str]:
    text = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    return re.findall(rf"^::: {re.escape(module)}\.(\w+)$", text, re.MULTILINE)


@pytest.mark.parametrize("module", PAGES)
def test_the_reference_has_every_public_name_once(module: str) -> None:
    page, exported = PAGES[module]
    elsewhere = set(dir(errors)) | {"__version__"} if module == "inference_models" else set()
    names = documented_names(page, module)
    assert len(names) == len(set(names))
    assert sorted(set(exported) - elsewhere) == sorted(names)


def without_docstring(path: str) -> Iterator[str]:
    """Yield the names at and below a public one that say nothing about themselves."""
    item = PACKAGE[path.removeprefix("inference_models.")]
    target = item.final_target if item.is_alias else item
    if target.docstring is None:
        yield path
    if not target.is_class:
        return
    for name, member in target.members.items():
        callable_or_property = member.is_function or "property" in member.labels
        if not name.startswith(("_", "test_")) and callable_or_property and member.docstring is None:
            yield f"{path}.{name}"


@pytest.mark.parametrize("module", PAGES)
def test_every_public_name_and_method_has_a_docstring(module: str) -> None:
    paths = [f"{module}.{name}" for name in PAGES[module][1] if not name.startswith("__")]
    assert [missing for path in paths for missing in without_docstring(path)] == []
