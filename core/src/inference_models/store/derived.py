"""What backends derive from packages and keep for the next time, such as engines that take minutes to compile.

    <root>/.derived/<backend>/<key>/    whatever the backend writes there

It can be made again at any time, so it may be removed at any time; a load that finds nothing makes it anew.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from inference_models.store.failures import storage_errors
from inference_models.store.layout import cache_root, refuse_foreign, safe_name
from inference_models.store.staging import make_directories

__all__ = ["DerivedFiles", "backend_cache_directory", "list_derived", "remove_derived"]

_DERIVED = ".derived"


@frozen
class DerivedFiles:
    """What a backend keeps about one package.

    Attributes:
        directory: where it lies.
        backend: who wrote it.
        key: what the backend made it from, as the backend names that.
        size: bytes of all files.
        last_used: when a session last asked for it.
    """

    directory: Path
    backend: str
    key: str
    size: int
    last_used: datetime


def backend_cache_directory(backend: str, key: str) -> Path:
    """Return a directory in the cache for what a backend derives from a package. It is made if need be.

    The backend may write there what it likes, and must cope with files that another process is writing or removing.
    `im cache prune` removes the whole directory when it was not asked for longest.

    Args:
        backend: name of the backend.
        key: tells apart what must not be mixed up: put a hash into it of the package's contents and of everything
            else that the result depends on, such as the version of the runtime.

    Raises:
        ModelRetrievalError: it cannot be written to, or another user owns it and could exchange what is read from it.
    """
    root = cache_root()
    directory = root / _DERIVED / safe_name(backend) / safe_name(key)
    with storage_errors(directory):
        # Private, because nobody knows with which modes a backend writes there.
        make_directories(directory, is_private=True)
        refuse_foreign(root, *_between(root, directory))
        os.utime(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError("it cannot be written to")
    return directory


def list_derived(home: Path | None = None) -> list[DerivedFiles]:
    """Return what backends keep in the cache, sorted by backend and key.

    Args:
        home: root of the cache. None: as configured.

    Raises:
        ModelRetrievalError: the cache cannot be read, or belongs to another user.
    """
    root = (home or cache_root()) / _DERIVED
    with storage_errors(root):
        refuse_foreign(root.parent, root)
        return [_describe(directory) for backend in _folders(root) for directory in _folders(backend)]


def remove_derived(derived: DerivedFiles) -> None:
    """Remove what a backend keeps. A session that uses it goes on where the system allows that.

    Raises:
        ModelRetrievalError: the cache cannot be written to.
    """
    from shutil import rmtree  # brings compression libraries along

    with storage_errors(derived.directory):
        refuse_foreign(derived.directory.parent)
        with suppress(FileNotFoundError):  # somebody else has removed it
            rmtree(derived.directory)


def _between(root: Path, directory: Path) -> list[Path]:
    return [path for path in (directory, *directory.parents) if path != root and path.is_relative_to(root)]


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _describe(directory: Path) -> DerivedFiles:
    size, last_used = 0, 0.0
    with suppress(FileNotFoundError):  # removed while we look
        last_used = directory.stat().st_mtime
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(Path(folder, name)).st_size
    return DerivedFiles(directory, directory.parent.name, directory.name, size, datetime.fromtimestamp(last_used, UTC))
