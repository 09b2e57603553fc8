"""Access to the optional packages of the `im-core[vision]` extra, imported at first use and never before."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from inference_models.errors import MissingDependencyError

__all__ = ["cattrs", "opencv"]


@cache
def opencv() -> Any:
    """Return the module `cv2`. Importing it costs more than loading a small model, hence not before it is needed.

    Raises:
        MissingDependencyError: no distribution of OpenCV is installed.
    """
    return _require("cv2", "OpenCV")


@cache
def cattrs() -> Any:
    """Return the module `cattrs`. Raises: MissingDependencyError."""
    return _require("cattrs", "cattrs")


def _require(module: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{name} is needed to pre- and post-process images and cannot be imported ({error}). "
            f"Install it with: pip install 'im-core[vision]'"
        ) from error
