"""Importing MediaPipe, opening its tasks and getting rid of them."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from queue import SimpleQueue
from typing import Any, TypeAlias
from weakref import WeakSet

from attrs import frozen

from inference_models import MissingDependencyError

Task: TypeAlias = Any
"""A `FaceDetector`, `ObjectDetector` or `ImageClassifier` of mediapipe."""


@frozen
class TaskKind:
    """A kind of MediaPipe task.

    Attributes:
        name: what messages call it.
        class_name: its class in `mediapipe.tasks.python.vision`; the class of its options is called `...Options`.
        method: runs it on one image.
    """

    name: str
    class_name: str
    method: str


FACE_DETECTION = TaskKind("face detection", "FaceDetector", "detect")
OBJECT_DETECTION = TaskKind("object detection", "ObjectDetector", "detect")
IMAGE_CLASSIFICATION = TaskKind("image classification", "ImageClassifier", "classify")


@cache
def mediapipe() -> Any:
    """Return the module `mediapipe`. Importing it takes seconds.

    Raises:
        MissingDependencyError: it cannot be imported.
    """
    try:
        return import_module("mediapipe")
    except (ImportError, OSError) as error:  # OSError: a shared library that it loads is missing
        raise MissingDependencyError(
            f"mediapipe cannot be imported ({error}). `im doctor` says what is missing and how to install it."
        ) from error


def open_task(kind: TaskKind, content: bytes, options: Mapping[str, Any]) -> Task:
    """Open a model for single images.

    Args:
        kind: of the task.
        content: of the model file.
        options: of the task, by MediaPipe's names.

    Raises:
        MissingDependencyError: MediaPipe, or a shared library that it loads when a task is made, is missing.
        ValueError, RuntimeError: MediaPipe refuses the model or the options.
    """
    tasks = mediapipe().tasks
    base = tasks.BaseOptions(model_asset_buffer=content)
    given = getattr(tasks.vision, f"{kind.class_name}Options")(
        base_options=base, running_mode=tasks.vision.RunningMode.IMAGE, **options
    )
    _start_closing()
    try:
        return getattr(tasks.vision, kind.class_name).create_from_options(given)
    except OSError as error:
        raise MissingDependencyError(
            f"MediaPipe cannot start ({error}). `im doctor` says what is missing and how to install it."
        ) from error


class OpenTasks:
    """The open tasks of one model. Safe to drop: what is still open then is closed a while later.

    MediaPipe's own finalizer must never find an open task. It waits for a thread that a garbage collection which takes
    both has already told to end, so it can wait for ever; and when Python ends, it fails. Whoever owns this therefore
    hands `close_later` to `weakref.finalize`, which keeps the tasks alive until a thread of ours closes them.

    Attributes:
        by_options: the tasks, the one not used for longest first.
    """

    def __init__(self) -> None:
        self.by_options: dict[Any, Task] = {}
        _all_open.add(self)

    def close(self) -> None:
        """Close all tasks, now."""
        while self.by_options:
            close_task(self.by_options.popitem()[1])

    def close_later(self) -> None:
        """Close all tasks, in another thread. Finalizers may call it: it takes no lock."""
        _to_close.put(self)


def close_task(task: Task) -> None:
    """Close a task, whatever state it is in."""
    with contextlib.suppress(Exception):  # when a run has failed, closing repeats its error
        task.close()
    task._handle = None  # after a failure MediaPipe leaves it, and would close the task again


_all_open: WeakSet[OpenTasks] = WeakSet()
_to_close: SimpleQueue[OpenTasks] = SimpleQueue()  # the one queue that finalizers may use


@cache
def _start_closing() -> None:
    threading.Thread(target=_close_what_comes, name="im-mediapipe-closing", daemon=True).start()
    atexit.register(_forget_all)


def _close_what_comes() -> None:
    while True:
        _to_close.get().close()


def _forget_all() -> None:
    """Let go of what is still open: at the end of Python, MediaPipe's threads have stopped and closing fails."""
    for tasks in list(_all_open):
        for task in tasks.by_options.values():
            task._handle = None
