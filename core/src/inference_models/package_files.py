"""Finding and reading the files of a model package, with errors that say what is there instead."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference_models.errors import CorruptedModelPackageError

__all__ = ["find_package_file", "read_package_json"]

_SHOWN = 20


def find_package_file(directory: Path, names: Sequence[str]) -> Path:
    """Return the file of a package that has one of several names.

    Args:
        directory: of the package.
        names: what the file may be called, at least two; of several that are there, the first counts.

    Raises:
        CorruptedModelPackageError: there is none. The message names what is there.
    """
    for name in names:
        if (directory / name).is_file():
            return directory / name
    there = sorted(file.name for file in directory.iterdir()) if directory.is_dir() else []
    shown = f"has: {', '.join(there[:_SHOWN])}{', ...' if len(there) > _SHOWN else ''}"
    raise CorruptedModelPackageError(
        f"{directory} has neither {' nor '.join(names)}. It {shown if there else 'is empty or missing'}. "
        f"Download or export the package again, or name the file as one of them."
    )


def read_package_json(path: Path, purpose: str) -> Any:
    """Return the content of a JSON file of a package.

    Args:
        path: the file.
        purpose: a sentence that says what is in it, for whoever lacks it.

    Raises:
        CorruptedModelPackageError: it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorruptedModelPackageError(
            f"{path} is missing. {purpose} Download or export the package again."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptedModelPackageError(
            f"{path} cannot be read as JSON: {error}. Download or export the package again."
        ) from error
