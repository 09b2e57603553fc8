"""A few threads that fetch, and a caller that waits for them no longer than is sensible."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from inference_models.configuration import API_CALLS_TIMEOUT, DOWNLOAD_DEADLINE
from inference_models.download.http import Response
from inference_models.download.logs import without_secrets
from inference_models.download.partial import Abandoned
from inference_models.errors import ModelRetrievalError, redact_url

__all__ = ["Workers"]

_LOOK_EVERY_SECONDS = 0.5
_FAREWELL_SECONDS = 2.0
# A server may send the head of its answer slowly, but not for ever: this many times the silence that it may keep.
_LONGEST_HEAD = 4


class Workers:
    """Runs tasks, which may add further tasks, in up to `count` threads. The first failure ends all of them.

    The threads are daemons: one that hangs in a system call keeps neither the caller nor the interpreter from going on.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._unfinished = 0
        self._failure: BaseException | None = None
        self._is_stopped = threading.Event()
        self._responses: set[Response] = set()
        self._asked: dict[int, tuple[float, str]] = {}  # by thread: since when, and who, as it may be shown

    def submit(self, task: Callable[[], None]) -> None:
        """Have `task` run when a thread is free.

        Raises:
            ModelRetrievalError: not one thread can be had.
        """
        with self._changed:
            self._tasks.append(task)
            self._unfinished += 1
            if self._idle < len(self._tasks) and len(self._threads) < self._count:
                self._start_thread()
            self._changed.notify_all()  # one alone might be the caller, who waits for the same condition

    def wait(self, deadline: float = math.inf) -> None:
        """Return when all tasks are done.

        Args:
            deadline: what `INFERENCE_MODELS_DOWNLOAD_DEADLINE` says, for downloads.

        Raises:
            BaseException: what the first task that failed has raised.
            ModelRetrievalError: the deadline has passed, or a server does not get to the point.
        """
        longest_head = API_CALLS_TIMEOUT.get() * _LONGEST_HEAD
        started = time.monotonic()
        with self._changed:
            while self._unfinished and self._failure is None:
                self._changed.wait(_LOOK_EVERY_SECONDS)
                now = time.monotonic()
                if now - started > deadline:
                    raise ModelRetrievalError(
                        f"The download took longer than {deadline:g} s, which {DOWNLOAD_DEADLINE.name} allows. What "
                        f"has come is kept: try again, or raise the limit."
                    )
                since, shown = min(self._asked.values(), default=(now, ""))
                if now - since > longest_head:
                    raise ModelRetrievalError(
                        f"{shown} did not begin to send within {longest_head:g} s, although it is not silent. Try "
                        f"again later, or raise {API_CALLS_TIMEOUT.name}."
                    )
            if self._failure is not None:
                raise self._failure

    def stop(self) -> None:
        """End all tasks, wherever they are, and wait a little for their threads."""
        self._is_stopped.set()
        with self._changed:
            self._tasks.clear()
            self._changed.notify_all()
            for response in self._responses:
                with suppress(Exception):  # it may have ended by itself this very moment
                    response.raw.shutdown()
        until = time.monotonic() + _FAREWELL_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """Sleep. Raises: Abandoned when the tasks end meanwhile."""
        if self._is_stopped.wait(seconds):
            raise Abandoned

    def check(self) -> None:
        """Raise Abandoned when the tasks have ended."""
        if self._is_stopped.is_set():
            raise Abandoned

    @contextmanager
    def asking(self, url: str) -> Iterator[Callable[[Response], None]]:
        """Note that a server is asked. The function that this yields takes the answer, which can then be stopped.

        Raises:
            Abandoned: the tasks have ended, perhaps while the server was asked.
        """
        answers: list[Response] = []

        def note(response: Response) -> None:
            self.check()
            answers.append(response)
            with self._changed:
                self._responses.add(response)
                self._asked.pop(threading.get_ident(), None)

        self.check()
        with self._changed:
            self._asked[threading.get_ident()] = time.monotonic(), redact_url(url)
        try:
            yield note
        finally:
            with self._changed:
                self._asked.pop(threading.get_ident(), None)
                self._responses.difference_update(answers)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="inference-models-download", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not self._threads:  # with fewer than wished for it only takes longer
                raise ModelRetrievalError(
                    f"No thread can be had to fetch with: {error}. Let this process have more threads (ulimit -u, the "
                    f"limit of its container), or end some of those that it has."
                ) from error
            return
        self._threads.append(thread)

    def _run(self) -> None:
        with without_secrets():  # also while a thread outlives the session
            while (task := self._next()) is not None:
                self._do(task)

    def _do(self, task: Callable[[], None]) -> None:
        failure: BaseException | None = None
        try:
            task()
        except Abandoned:
            pass
        except BaseException as error:
            failure = error
        with self._changed:
            self._unfinished -= 1
            self._failure = self._failure or failure
            if self._failure is not None or not self._unfinished:
                self._changed.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            while not self._tasks:
                if self._is_stopped.is_set() or self._failure is not None:
                    return None
                self._changed.wait()
            self._idle -= 1
            return self._tasks.popleft()
