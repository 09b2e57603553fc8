"""Every name that a module promises can be had, and users find every error at the top."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import inference_models
from inference_models import errors
from workspace import distributions


def defines_all(path: Path) -> bool:
    """Whether a module assigns `__all__`, alone or unpacked from what makes it lazy."""
    names = (
        name.id
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    )
    return "__all__" in names


def modules_with_public_names() -> list[str]:
    return [
        ".".join(path.relative_to(distribution.package.parent).with_suffix("").parts).removesuffix(".__init__")
        for distribution in distributions()
        for path in sorted(distribution.package.rglob("*.py"))
        if defines_all(path)
    ]


def public_names(module: ModuleType) -> list[str]:
    names: list[str] = module.__dict__["__all__"]
    return names


def test_the_two_front_doors_have_public_names() -> None:
    assert {"inference_models", "inference_models.developer_tools"} <= set(modules_with_public_names())


@pytest.mark.parametrize("name", modules_with_public_names())
def test_every_name_in_all_can_be_had(name: str) -> None:
    module = import_module(name)
    names = public_names(module)
    assert len(set(names)) == len(names)
    missing = [public for public in names if not hasattr(module, public)]
    assert missing == []


@pytest.mark.parametrize("name", ["inference_models", "inference_models.developer_tools"])
def test_lazy_names_show_in_dir_and_unknown_ones_are_refused(name: str) -> None:
    module = import_module(name)
    assert set(public_names(module)) <= set(dir(module))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def test_every_error_is_public() -> None:
    classes = [name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)]
    assert [name for name in classes if name not in public_names(inference_models)] == []
