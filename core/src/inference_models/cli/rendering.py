"""Writing a project from the templates in this distribution: whole, or not at all.

A template is a text file in `templates/common` or in the directory of the project's kind. Its name ends in `.tmpl`.
In names, `dot_` at the beginning stands for a dot, `__package__` for the import package, and `__tests__` for `tests`:
a wheel should hold no folder of that name. In texts, `$name` and the like are replaced as `string.Template` does it,
so a dollar sign is written `$$`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from inference_models.errors import InvalidParameterError

__all__ = ["render", "write_project"]

_ENDING = ".tmpl"
_DOT = "dot_"


def write_project(target: Path, kind: str, values: Mapping[str, str]) -> list[str]:
    """Write a project into `target`, which appears when all of it is written.

    Args:
        target: its directory; must not exist. Directories above it are made.
        kind: of the project, a directory of templates.
        values: what replaces the names in the templates.

    Returns:
        The paths of its files inside `target`, with `/` between folders, sorted.

    Raises:
        InvalidParameterError: `target` exists already, or cannot be written.
    """
    files = render(kind, values)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that publishing is one rename in one file system.
        with tempfile.TemporaryDirectory(prefix=".im-new-", dir=target.parent, ignore_cleanup_errors=True) as staging:
            project = Path(staging) / target.name
            for name, text in files.items():
                path = project / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
            # A rename would take the place of an empty directory, and on a dangling link fail without saying why.
            if os.path.lexists(target):
                raise InvalidParameterError(
                    f"{target} exists already, and a project is only written into a new directory. Name another one "
                    f"with --directory, or remove it."
                )
            project.rename(target)
    except OSError as error:
        raise InvalidParameterError(
            f"{target} cannot be written ({error.strerror or error}). Name another place with --directory."
        ) from error
    return list(files)


def render(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a project's files by their paths, sorted.

    Args:
        kind: of the project.
        values: what replaces the names in the templates.
    """
    templates = resources.files("inference_models").joinpath("templates")
    found = {
        _target_name(path, values["package"]): Template(file.read_text(encoding="utf-8")).substitute(values)
        for folder in ("common", kind)
        for path, file in _walk(templates.joinpath(folder), PurePosixPath())
    }
    return dict(sorted(found.items()))


def _walk(folder: Traversable, above: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, above / entry.name)
        elif entry.name.endswith(_ENDING):
            yield above / entry.name, entry


def _target_name(path: PurePosixPath, package: str) -> str:
    parts = [f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part for part in path.parts]
    return "/".join(parts).removesuffix(_ENDING).replace("__package__", package).replace("__tests__", "tests")
