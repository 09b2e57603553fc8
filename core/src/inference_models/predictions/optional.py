"""Imports of packages that are not dependencies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from inference_models.errors import MissingDependencyError


def import_optional(name: str, *, purpose: str, install: str) -> Any:
    """Import the package `name`.

    Args:
        name: the import name.
        purpose: what needs it, for the error.
        install: the command that installs it, for the error.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # installed, but one of its own dependencies is missing: its message says which
        raise MissingDependencyError(f"{purpose} needs {name}, which is not installed. Run: {install}") from None
