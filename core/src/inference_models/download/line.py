"""What the transfers of one call share: threads, connections, the disk, and somebody who watches."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models.download import http
from inference_models.download.progress import ProgressSink
from inference_models.download.workers import Workers

if TYPE_CHECKING:
    from inference_models.download.transfer import Transfer

__all__ = ["Line"]


class Line:
    """Hands tasks to threads and news to whoever watches.

    Args:
        session: shared by the threads.
        workers: the threads.
        progress: is told how far each file is.
        on_file_created: is told the path of each file that has been put in place, one at a time.
    """

    def __init__(
        self,
        session: http.Session,
        workers: Workers,
        progress: ProgressSink | None,
        on_file_created: Callable[[Path], object] | None,
    ) -> None:
        self.session = session
        self.workers = workers
        self.transfers: list[Transfer] = []
        self._progress = progress
        self._on_file_created = on_file_created
        self._lock = threading.Lock()

    def check_space(self, directory: Path) -> None:
        """Raise OSError (ENOSPC) unless what is still to come fits on the disk of `directory`."""
        needed = sum(transfer.remaining for transfer in self.transfers)
        free = shutil.disk_usage(directory).free
        if needed > free:
            raise OSError(
                errno.ENOSPC, f"{needed / 1e6:,.1f} MB are still to be fetched, and {free / 1e6:,.1f} MB are free"
            )

    def start(self, name: str, size: int | None, already: int) -> None:
        """Say that a file begins, or begins anew."""
        if self._progress is not None:
            self._progress.start(name, size, already)

    def advance(self, name: str, count: int) -> None:
        """Say that bytes have come."""
        if self._progress is not None:
            self._progress.advance(name, count)

    def message(self, text: str) -> None:
        """Say that something happened."""
        if self._progress is not None:
            self._progress.message(text)

    def finish(self, name: str, path: Path) -> None:
        """Say that a file is in its place."""
        if self._progress is not None:
            self._progress.finish(name)
        if self._on_file_created is not None:
            with self._lock:
                self._on_file_created(path)
