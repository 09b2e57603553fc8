"""One lock for each package, so that of many processes only one fetches it.

Locks save bandwidth and nothing else: what several processes do at once comes out right without them. So a wait ends as
soon as the package changed, the holder died, or the holder has done nothing for a while, and a file system that cannot
lock is no error.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models.configuration import FILE_LOCK_ACQUIRE_TIMEOUT
from inference_models.store.layout import lock_path
from inference_models.store.staging import make_directories, staging_state

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from inference_models.download.progress import ProgressSink

__all__ = ["is_locked", "package_lock", "try_package_lock"]

logger = logging.getLogger(__name__)

NOTICE_EVERY_SECONDS = 5.0
# Between two looks: a part of the time waited so far, so that nobody waits much longer than need be.
_PAUSE = 0.05
_SHORTEST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


@contextmanager
def package_lock(directory: Path, changed: Callable[[], bool], progress: ProgressSink | None = None) -> Iterator[bool]:
    """Wait until no other process fetches the package of `directory`, then hold its lock.

    Args:
        directory: where the package lies, or will.
        changed: whether the package is another than when the caller looked; then there is no need to wait on.
        progress: is told whom this waits for; so is the log.

    Yields:
        Whether the caller should work now: False when the package changed meanwhile. True does not promise that nobody
        else does: the file system may not lock, and a holder without progress is no longer waited for.
    """
    lock = _lock(directory)
    if lock is None:
        yield True
        return
    if not _acquire(lock) and _wait(lock, directory, changed, progress) == "changed":
        yield False
        return
    try:
        if lock.is_locked:
            _note_holder(directory)
        yield True
    finally:
        _release(lock)


@contextmanager
def try_package_lock(directory: Path) -> Iterator[bool]:
    """Hold the lock of a package if nobody else does; yield whether it is so. A file system without locks says yes."""
    lock = _lock(directory)
    if lock is None:
        yield True
        return
    try:
        yield _acquire(lock)
    finally:
        _release(lock)


def is_locked(directory: Path) -> bool:
    """Return whether another process fetches the package of `directory`, or removes it."""
    try:
        if not lock_path(directory).exists():
            return False
    except OSError:  # another user's: who may not look may not remove the package either
        return False
    with try_package_lock(directory) as free:
        return not free


def _lock(directory: Path) -> BaseFileLock | None:
    from filelock import FileLock

    path = lock_path(directory)
    try:
        # Private: on some systems, who may open a lock's file for reading can hold the lock, and keep others waiting.
        make_directories(path.parent, is_private=True)
    except OSError:  # a read-only cache; who wants to write is told soon
        return None
    return FileLock(path, timeout=0)


def _acquire(lock: BaseFileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except (OSError, NotImplementedError):  # it cannot lock here; being correct does not depend on it
        return True
    return True


def _release(lock: BaseFileLock) -> None:
    with suppress(OSError):
        lock.release(force=True)


def _wait(lock: BaseFileLock, directory: Path, changed: Callable[[], bool], progress: ProgressSink | None) -> str:
    """Wait for the lock. Return why the wait ended: "acquired", "changed", or "stuck" (no progress for long)."""
    patience = FILE_LOCK_ACQUIRE_TIMEOUT.get()
    started = last_progress = last_notice = time.monotonic()
    state = staging_state(directory)
    while True:
        time.sleep(min(max((time.monotonic() - started) * _PAUSE, _SHORTEST_PAUSE), _LONGEST_PAUSE))
        if changed():
            return "changed"
        if _acquire(lock):
            return "acquired"
        now = time.monotonic()
        if (present := staging_state(directory)) != state:
            state, last_progress = present, now
        if now - last_progress > patience:
            _say(
                f"Not waiting any longer for {_holder(directory)}, which has not got any further with {directory} for "
                f"{now - last_progress:.0f} s. This process fetches the package too.",
                progress,
            )
            return "stuck"
        if now - last_notice > NOTICE_EVERY_SECONDS:
            last_notice = now
            _say(
                f"Waiting for {_holder(directory)}, which fetches {directory} ({now - started:.0f} s so far).", progress
            )


def _say(text: str, progress: ProgressSink | None) -> None:
    logger.warning("%s", text)
    if progress is not None:
        progress.message(text)


def _note_holder(directory: Path) -> None:
    """Leave word who holds the lock, for the messages of those who wait."""
    with suppress(OSError):
        _holder_path(directory).write_text(json.dumps({"pid": os.getpid(), "host": _host()}), "utf-8")


def _holder(directory: Path) -> str:
    try:
        note = json.loads(_holder_path(directory).read_text("utf-8"))
        return f"process {int(note['pid'])} on {str(note['host'])[:80]!r}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _holder_path(directory: Path) -> Path:
    return lock_path(directory).with_suffix(".holder")


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "this machine")
