"""Who besides its owner could change a policy file, or put another one in its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["exposures"]

_ADMINISTRATOR = 0


def exposures(path: Path) -> list[str]:
    """Return what is wrong with the place and the rights of a policy file, one sentence each; none on Windows.

    Args:
        path: as the variable states it. Links in it are followed, and where they stand counts, too.
    """
    found = [] if path.is_absolute() else ["its path is relative, so another directory to work in means another file"]
    if os.name != "posix":
        return found
    try:
        places = dict.fromkeys([*_chain(path.absolute()), *_chain(path.resolve())])
        return found + [problem for place in places for problem in _problems(place)]
    except (OSError, RuntimeError) as error:  # links that go round in circles, or a file that has just gone
        return [*found, f"its rights cannot be looked at ({error})"]


def _chain(path: Path) -> Iterator[Path]:
    """Yield the file and the directories above it."""
    yield path
    yield from path.parents


def _problems(place: Path) -> Iterator[str]:
    status = place.lstat()
    is_directory = stat.S_ISDIR(status.st_mode)
    what = "put another file in its place" if is_directory else "change it"
    if status.st_uid not in {_ADMINISTRATOR, os.geteuid()}:
        yield f"{place} belongs to user {status.st_uid}, who can {what}"
    # The rights of a link mean nothing, and in a directory with the sticky bit only owners replace what is theirs.
    if stat.S_ISLNK(status.st_mode) or (is_directory and status.st_mode & stat.S_ISVTX):
        return
    if status.st_mode & stat.S_IWOTH:
        yield f"{place} can be written by every user, so anybody can {what}"
    elif status.st_mode & stat.S_IWGRP:
        yield f"{place} can be written by group {status.st_gid}, whose members can {what}"
