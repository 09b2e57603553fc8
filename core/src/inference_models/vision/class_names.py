"""Reading `class_names.txt`: the name of each class on the line of its id."""

from __future__ import annotations

from pathlib import Path

from inference_models.errors import CorruptedModelPackageError

__all__ = ["parse_class_names"]


def parse_class_names(path: str | Path) -> tuple[str, ...]:
    """Read the class names of a package.

    The line number, from 0, is the class id. Blank lines at the end are dropped; a blank line before the last name is
    a class without a name and keeps its id, so that the names after it stay with theirs.

    Args:
        path: the file, UTF-8, one name per line.

    Returns:
        The names, indexed by class id.

    Raises:
        CorruptedModelPackageError: the file is missing, not UTF-8 or holds no name.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CorruptedModelPackageError(
            f"{path} is missing. It names the classes, one per line. Download or export the package again."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptedModelPackageError(
            f"{path} cannot be read as UTF-8 text: {error}. Save it as UTF-8, one class name per line."
        ) from error
    # Not splitlines(): it also breaks at form feeds and separators that may stand inside a name.
    names = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise CorruptedModelPackageError(
            f"{path} holds no class name. It must have one per line, in the order of the network's classes."
        )
    return tuple(names)
