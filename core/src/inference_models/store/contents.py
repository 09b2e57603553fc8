"""What a package directory holds, for those who load it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from inference_models.errors import CorruptedModelPackageError
from inference_models.handles import OWN_PREFIX


def get_model_package_contents(
    model_package_dir: str | os.PathLike[str], elements: Iterable[str] | None = None
) -> dict[str, str]:
    """Return the files of a package by name.

    Args:
        model_package_dir: the package's directory.
        elements: names of files that must be there, with `/` between folders; only they are returned.
            None: all files, also those in folders.

    Returns:
        The absolute path of each file by its name inside the package.

    Raises:
        CorruptedModelPackageError: the directory or one of `elements` is missing.
    """
    directory = Path(model_package_dir).absolute()
    if not directory.is_dir():
        raise CorruptedModelPackageError(f"Model package directory {directory} does not exist. Check the path.")
    if elements is None:
        files = (path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(OWN_PREFIX))
        return {path.relative_to(directory).as_posix(): str(path) for path in sorted(files)}
    wanted = {name: directory / name for name in elements}
    missing = [name for name, path in wanted.items() if not path.is_file()]
    if missing:
        present = ", ".join(sorted(entry.name for entry in directory.iterdir())) or "nothing"
        raise CorruptedModelPackageError(
            f"Model package {directory} lacks {', '.join(missing)}. It holds: {present}. Restore what is missing, or "
            f"delete the directory if it was downloaded: it is then fetched again."
        )
    return {name: str(path) for name, path in wanted.items()}
