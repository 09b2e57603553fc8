"""Directories in which packages are filled before anybody sees them, and what crashes leave of them.

A staging directory lies beside the package, in the same file system, so that publishing is one rename. Its name
tells who fills it: `.im-staging-<scope>-<pid>-<random>`, where the scope is the set of processes among which
the pid means something (one boot, one container).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inference_models.store.layout import OWN_PREFIX

__all__ = ["make_directories", "publish", "staging_directory", "sweep"]

PREFIX = f"{OWN_PREFIX}staging-"
STALE_AFTER_SECONDS = 24 * 60 * 60.0


@contextmanager
def staging_directory(parent: Path) -> Iterator[Path]:
    """Yield a new, empty, private directory in `parent`, which is made if need be; removed on the way out.

    Raises:
        OSError: it cannot be made.
    """
    make_directories(parent)
    path = parent / f"{PREFIX}{_scope()}-{os.getpid()}-{os.urandom(8).hex()}"
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        _remove(path)


def publish(staging: Path, target: Path) -> bool:
    """Rename the filled `staging` directory to `target`, flushed to disk.

    Returns:
        False when another process was faster and `target` exists already.

    Raises:
        OSError: the rename failed for another reason.
    """
    for folder, _, _ in os.walk(staging, topdown=False):
        flush_directory(Path(folder))
    try:
        staging.rename(target)
    except OSError:
        # Systems differ in how they say that the target exists (ENOTEMPTY, EEXIST, access denied): look instead.
        if target.is_dir():
            return False
        raise
    flush_directory(target.parent)
    return True


def make_directories(path: Path) -> None:
    """Make `path` and its missing parents, for this user only. Raises: OSError."""
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=0o700, exist_ok=True)


def flush_directory(path: Path) -> None:
    """Make renames inside `path` survive a power cut."""
    if os.name == "nt":  # directories cannot be opened there; NTFS journals renames itself
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Remove the staging directories in `parent` that crashed processes left. Never fails: it is housekeeping."""
    with suppress(OSError), os.scandir(parent) as entries:  # a read-only cache is no problem either
        left_behind = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX)]
        for path in left_behind:
            if _is_stale(path):
                _remove(path)


def _is_stale(path: Path) -> bool:
    scope, _, rest = path.name.removeprefix(PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if pid.isdecimal() and scope == _scope() and not _is_alive(int(pid)):
        return True
    return time.time() - _last_write(path) > STALE_AFTER_SECONDS


def _last_write(path: Path) -> float:
    """Return the newest modification time in `path`: a slow download keeps writing to a file, not to a directory."""
    times = [path.stat().st_mtime]
    for folder, _, files in os.walk(path):
        times += [os.lstat(Path(folder, name)).st_mtime for name in files]
    return max(times)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 is not a question but ends the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _scope() -> str:
    """Return a name for the set of processes among which a pid is unique."""
    from hashlib import sha256

    facts = [os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")]
    with suppress(OSError):  # Linux only
        facts = [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    return sha256("\n".join(facts).encode()).hexdigest()[:8]


def _remove(path: Path) -> None:
    from shutil import rmtree  # brings compression libraries along

    # What cannot be removed now is removed by a later sweep; a load that succeeded must not fail over it.
    rmtree(path, ignore_errors=True)
