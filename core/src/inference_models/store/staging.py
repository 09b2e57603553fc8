"""Directories in which packages are filled before anybody sees them, and what crashes leave of them.

A staging directory lies beside the package, in the same file system, so that publishing is one rename. Its name
tells who fills it with what: `.im-staging-<scope>-<pid>-<package><random>`, where the scope is the set of processes
among which the pid means something (one boot, one container), and pid 0 is nobody: kept for whoever goes on.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inference_models.handles import OWN_PREFIX

__all__ = [
    "DIRECTORY_MODE",
    "discard",
    "keep_from_writers",
    "make_directories",
    "publish",
    "staging_directory",
    "staging_state",
    "sweep",
    "unfinished_directory",
]

PREFIX = f"{OWN_PREFIX}staging-"
# Less the umask. Others may look: what the administrator provides is for every user. They never may write.
DIRECTORY_MODE = 0o755
_WRITTEN_BY_OTHERS = 0o022
STALE_AFTER_SECONDS = 24 * 60 * 60.0
_NOBODY = 0


@contextmanager
def staging_directory(parent: Path, package: Path | None = None) -> Iterator[Path]:
    """Yield a new, empty, private directory in `parent`, which is made if need be; removed on the way out.

    Args:
        parent: where to make it.
        package: what it is for. After a crash, the next `sweep` of that removes it; without one, time does.

    Raises:
        OSError: it cannot be made.
    """
    path = _new_name(parent, os.getpid(), os.urandom(4).hex() if package is None else _tag(package))
    _make_private(path)
    try:
        yield path
    finally:
        _remove(path)


@contextmanager
def unfinished_directory(package: Path, keep_on: tuple[type[BaseException], ...] = ()) -> Iterator[Path]:
    """Yield a staging directory for `package`, with what a process that died had already fetched, if one did.

    Nothing in it is verified. It is removed on the way out, except when one of `keep_on` is raised and it is not empty:
    then the next process goes on with it.

    Raises:
        OSError: it cannot be made.
    """
    path = _new_name(package.parent, os.getpid(), _tag(package))
    if not _adopt(package, path):
        _make_private(path)
    try:
        yield path
    except keep_on:
        with suppress(OSError):
            if any(not name.is_dir() for name in path.rglob("*")):
                path.rename(_new_name(package.parent, _NOBODY, _tag(package)))
        raise
    finally:
        _remove(path)


def staging_state(package: Path) -> object:
    """Return a value that changes whenever somebody gets further with filling `package`."""
    state = []
    for path in _left_in(package.parent, _tag(package)):
        for folder, _, files in os.walk(path):
            for name in files:
                with suppress(OSError):
                    status = os.lstat(Path(folder, name))
                    state.append((folder, name, status.st_size, status.st_mtime_ns))
    return sorted(state)


def _adopt(package: Path, path: Path) -> bool:
    """Rename to `path` what a dead process left of `package`. Of several that try, one gets it."""
    for left in _left_in(package.parent, _tag(package)):
        if _is_stale(left):
            with suppress(OSError):
                left.rename(path)
                return True
    return False


def _left_in(parent: Path, tag: str = "") -> list[Path]:
    """Return the staging directories in `parent`, or those with this tag; none when it cannot be read."""
    found: list[Path] = []
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            is_wanted = entry.name.startswith(PREFIX) and entry.name.rpartition("-")[2].startswith(tag)
            if is_wanted and entry.is_dir(follow_symlinks=False):
                found.append(Path(entry.path))
    return sorted(found)


def _make_private(path: Path) -> None:
    for is_last in (False, False, True):
        make_directories(path.parent)
        try:
            path.mkdir(mode=0o700)  # so that nobody keeps a file open for writing until after it is verified
            return
        except FileNotFoundError:  # whoever removed the model's last package removed its directory just now
            if is_last:
                raise


def _new_name(parent: Path, pid: int, tag: str) -> Path:
    return parent / f"{PREFIX}{_scope()}-{pid}-{tag}{os.urandom(8).hex()}"


def _tag(package: Path) -> str:
    from hashlib import sha256

    return sha256(package.name.encode()).hexdigest()[:8]


def publish(staging: Path, target: Path) -> bool:
    """Rename the filled `staging` directory to `target`, flushed to disk; others may read it, as the umask says.

    Returns:
        False when another process was faster and `target` exists already.

    Raises:
        OSError: the rename failed for another reason.
    """
    for folder, _, names in os.walk(staging, topdown=False):
        for name in names:
            keep_from_writers(Path(folder, name))
        keep_from_writers(Path(folder))
        flush_directory(Path(folder))
    _let_read(staging)
    try:
        staging.rename(target)
    except OSError:
        # Systems differ in how they say that the target exists (ENOTEMPTY, EEXIST, access denied): look instead.
        if target.is_dir():
            return False
        raise
    flush_directory(target.parent)
    return True


def keep_from_writers(path: Path) -> None:
    """Let no other user write to a file or folder, whatever the umask was. Raises: FileNotFoundError."""
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode) and mode & _WRITTEN_BY_OTHERS:
        with suppress(PermissionError):  # the file system has the same bits for all
            path.chmod(stat.S_IMODE(mode) & ~_WRITTEN_BY_OTHERS)


def _let_read(staging: Path) -> None:
    """Give a private directory the mode of one that is made in its place. Raises: OSError."""
    probe = staging / f"{OWN_PREFIX}mode"  # the umask can only be read by changing it for all threads
    probe.mkdir(mode=DIRECTORY_MODE)
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.rmdir()
    with suppress(PermissionError):
        staging.chmod(mode)


def make_directories(path: Path, *, is_private: bool = False) -> None:
    """Make `path` and its missing parents. With `is_private`, `path` is for this user only. Raises: OSError."""
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=0o700 if is_private and directory == path else DIRECTORY_MODE, exist_ok=True)


def flush_directory(path: Path) -> None:
    """Make renames inside `path` survive a power cut."""
    if os.name == "nt":  # directories cannot be opened there; NTFS journals renames itself
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(package: Path) -> None:
    """Remove a package at once: nobody sees a part of it. Raises: OSError."""
    # Under a name that is nobody's, so that the next sweep removes what cannot be removed now.
    hidden = _new_name(package.parent, _NOBODY, _tag(package))
    package.rename(hidden)
    _remove(hidden)


def sweep(package: Path) -> None:
    """Remove what crashed processes left of `package`, and of others if it is old. Never fails: it is housekeeping."""
    left_behind = _left_in(package.parent)
    if not left_behind:  # the usual case, and it must stay cheap
        return
    tag = _tag(package)
    for path in left_behind:
        with suppress(OSError):  # somebody else removes it; or a read-only cache, which is no problem either
            if (path.name.rpartition("-")[2].startswith(tag) and _is_stale(path)) or _is_old(path):
                _remove(path)


def _is_stale(path: Path) -> bool:
    scope, _, rest = path.name.removeprefix(PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if pid.isdecimal() and (int(pid) == _NOBODY or (scope == _scope() and not _is_alive(int(pid)))):
        return True
    with suppress(OSError):
        return _is_old(path)
    return False


def _is_old(path: Path) -> bool:
    # A time in the future is as good as one in the past: the clock was moved, and nobody waits a year.
    return abs(time.time() - _last_write(path)) > STALE_AFTER_SECONDS


def _last_write(path: Path) -> float:
    """Return the newest modification time in `path`: a slow download keeps writing to a file, not to a directory."""
    times = [path.stat().st_mtime]
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(FileNotFoundError):  # renamed or finished while we look
                times.append(os.lstat(Path(folder, name)).st_mtime)
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
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether a process ended and its parent has not taken note yet. Known on Linux only."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return status.rpartition(b")")[2].split()[:1] == [b"Z"]


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
