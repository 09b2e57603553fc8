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

_open: dict[int, Task] = {}  # also keeps them out of reach of the garbage collection
_to_close: SimpleQueue[Task] = SimpleQueue()  # the one queue that finalizers may use


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
        task = getattr(tasks.vision, kind.class_name).create_from_options(given)
    except OSError as error:
        raise MissingDependencyError(
            f"MediaPipe cannot start ({error}). `im doctor` says what is missing and how to install it."
        ) from error
    _open[id(task)] = task
    return task


@cache
def _start_closing() -> None:
    threading.Thread(target=_close_what_comes, name="im-mediapipe-closing", daemon=True).start()
    atexit.register(_disarm_all)


def close_later(task: Task) -> None:
    """Close a task in a thread of ours. Returns at once, and takes no lock, so that finalizers may call it.

    MediaPipe's closing can wait five seconds for its usage statistics to be sent, above all without a network. Its own
    finalizer must never find an open task: it waits for a thread that a garbage collection which takes both has already
    told to end, so it can wait for ever.
    """
    _to_close.put(task)


def _close_what_comes() -> None:
    while True:
        task = _to_close.get()
        with contextlib.suppress(Exception):  # when a run has failed, closing repeats its error
            task.close()
        _disarm(task)
        _open.pop(id(task), None)


def _disarm_all() -> None:
    """Let go of what is still open: at the end of Python, MediaPipe's threads have stopped and closing fails."""
    for task in list(_open.values()):
        _disarm(task)


def _disarm(task: Task) -> None:
    """Keep MediaPipe's finalizer from closing a task: it does nothing without a handle."""
    task._handle = None
