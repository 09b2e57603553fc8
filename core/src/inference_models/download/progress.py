"""Showing how far a download is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressSink", "show_progress"]


class ProgressSink(Protocol):
    """Told how downloads go. Its methods are called from several threads."""

    def start(self, name: str, size: int | None, already: int) -> None:
        """File `name` of `size` bytes (None: unknown) begins, with `already` of them there; or begins anew."""

    def advance(self, name: str, count: int) -> None:
        """Another `count` bytes of it have come."""

    def finish(self, name: str) -> None:
        """It is complete and verified."""

    def message(self, text: str) -> None:
        """Something happened that a user may want to know."""


@contextmanager
def show_progress(*, verbose: bool = True, stream: TextIO | None = None) -> Iterator[ProgressSink | None]:
    """Yield a sink that shows progress on standard error: bars on a terminal, else a line for each file.

    Args:
        verbose: False: yield None, which shows nothing.
        stream: where to write instead of standard error.
    """
    stream = stream or sys.stderr
    if not verbose or stream is None:  # programs without a console have no standard error
        yield None
    elif stream.isatty():
        bars = _Bars(stream)
        with bars.progress:
            yield bars
    else:
        yield _Lines(stream)


class _Bars:
    """Names, sizes, rates and the time left, drawn by rich."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as SpeedColumn

        self.progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            SpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def start(self, name: str, size: int | None, already: int) -> None:
        with self._lock:
            if name in self._tasks:
                self.progress.reset(self._tasks[name], total=size, completed=already)
            else:
                self._tasks[name] = self.progress.add_task(name, total=size, completed=already)

    def advance(self, name: str, count: int) -> None:
        self.progress.advance(self._tasks[name], count)

    def finish(self, name: str) -> None:
        task = self.progress.tasks[self._tasks[name]]
        self.progress.update(task.id, total=task.completed, completed=task.completed)

    def message(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False)


class _Lines:
    """One line for each file, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started: dict[str, float] = {}
        self._bytes: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, name: str, size: int | None, already: int) -> None:
        with self._lock:
            self._started.setdefault(name, time.monotonic())
            self._bytes[name] = already

    def advance(self, name: str, count: int) -> None:
        with self._lock:
            self._bytes[name] += count

    def finish(self, name: str) -> None:
        seconds = time.monotonic() - self._started[name]
        self.message(f"Fetched {name}: {self._bytes[name] / 1e6:.1f} MB in {seconds:.1f} s")

    def message(self, text: str) -> None:
        # In one piece: `print` writes the end of the line separately, and other threads get in between.
        self._stream.write(f"{text}\n")
        self._stream.flush()
