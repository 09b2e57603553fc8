"""Holding a file so that no other thread or process does, until it is closed or its process ends."""

from __future__ import annotations

import os
import sys
from io import FileIO
from pathlib import Path

__all__ = ["claim"]

_TRIES = 10
_LOCK_AT = 1 << 40  # Windows refuses others what is locked, so lock far behind what is written


def claim(path: Path) -> FileIO | None:
    """Open `path` for appending and reading, made if need be; None when somebody else has claimed it.

    A link at its place is not followed. Where the file system cannot lock, nothing can be claimed twice either, because
    nothing can be claimed.

    Raises:
        OSError: it cannot be opened.
    """
    for _ in range(_TRIES):
        if path.is_symlink():
            path.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = FileIO(os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600), "r+")
        if not _lock(file):
            file.close()
            return None
        if _is_at(file, path):
            return file
        file.close()  # whoever had it has just finished and removed it
    return None


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _lock(file: FileIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_LOCK_AT)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
