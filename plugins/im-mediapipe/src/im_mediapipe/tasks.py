"""One model file, run by MediaPipe with whatever options a call asks for."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from im_mediapipe.frames import Frame
from im_mediapipe.runtime import Task, TaskKind, close_later, mediapipe, open_task
from inference_models import CorruptedModelPackageError, ModelRuntimeError, SessionClosedError

Options: TypeAlias = Mapping[str, Any]
"""Options of a task by MediaPipe's names; numbers, text or tuples of text."""

_MOST_OPEN = 4


class ModelTasks:
    """A model file opened by MediaPipe.

    MediaPipe takes options when a task is made, so there is a task for each set of them that is in use, at most four.
    Safe to use from several threads at once: runs take turns, as they would in MediaPipe, which runs each task in a
    thread of its own.
    """

    def __init__(self, kind: TaskKind, path: Path, content: bytes, options: Options) -> None:
        """Open the file with `options` and run it once, so that what cannot run fails here.

        Raises:
            CorruptedModelPackageError: MediaPipe refuses the file, or cannot run it.
            MissingDependencyError: MediaPipe cannot be imported or started.
        """
        self._kind, self._path, self._content = kind, path, content
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._open: dict[Any, Task] = {}  # by their options, the one not used for longest first
        weakref.finalize(self, _close_all, self._open).atexit = False
        black = Frame(np.zeros((16, 16, 3), np.uint8), "numpy", "cpu")
        try:
            self.run([black], options)
        except ModelRuntimeError as error:
            raise self._wrong_file(error.message) from error

    def run(self, frames: Sequence[Frame], options: Options) -> list[Any]:
        """Return MediaPipe's result for each image.

        Raises:
            CorruptedModelPackageError: MediaPipe refuses the file together with these options.
            ModelRuntimeError: MediaPipe failed.
            SessionClosedError: after `close()`.
        """
        if os.getpid() != self._process:
            raise ModelRuntimeError(
                "This model was loaded before the process was forked, and MediaPipe's threads do not exist here. Load "
                "it in the process that uses it."
            )
        with self._lock:
            return [self._run_one(frame, options) for frame in frames]

    def close(self) -> None:
        """Close all tasks, once a run in progress has finished. What they hold is released a while later."""
        with self._lock:
            self._closed = True
            _close_all(self._open)

    def _run_one(self, frame: Frame, options: Options) -> Any:
        if self._closed:  # MediaPipe itself would return an empty result
            raise SessionClosedError("This model was closed and cannot be used any more. Load it again.")
        module = mediapipe()
        task = self._task(options)
        try:
            image = module.Image(module.ImageFormat.SRGB, frame.pixels)
            return getattr(task, self._kind.method)(image)
        except Exception as error:  # MediaPipe turns a dozen states into exceptions of as many classes
            close_later(self._open.pop(_key(options)))  # a task that failed once fails for ever
            raise ModelRuntimeError(f"MediaPipe's {self._kind.name} failed: {_reason(error)}.") from error

    def _task(self, options: Options) -> Task:
        """Return the task for `options`, opened now if need be. The one not used for longest makes room."""
        key, tasks = _key(options), self._open
        task = tasks.pop(key, None)
        if task is None:
            if len(tasks) >= _MOST_OPEN:
                close_later(tasks.pop(next(iter(tasks))))
            task = self._make(options)
        tasks[key] = task
        return task

    def _make(self, options: Options) -> Task:
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
        try:
            return open_task(self._kind, self._content, given)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            raise self._wrong_file(_reason(error)) from error

    def _wrong_file(self, reason: str) -> CorruptedModelPackageError:
        reason = reason.rstrip(".")
        return CorruptedModelPackageError(
            f"{self._path} cannot be used for {self._kind.name}: {reason}. Check that the package's file and "
            f"model_architecture belong together, or download the file again."
        )


def _close_all(tasks: dict[Any, Task]) -> None:
    while tasks:
        close_later(tasks.popitem()[1])


def _key(options: Options) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(options.items()))


def _reason(error: Exception) -> str:
    """Return what MediaPipe said, on one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
