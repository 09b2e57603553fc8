"""Asking what may never answer: a driver that hangs, a file on a disk that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from inference_models.configuration import PROBE_TIMEOUT

Value = TypeVar("Value")


def within(seconds: float, subject: str, probe: Callable[[], Value]) -> Value:
    """Return what `probe` returns, unless it takes too long.

    A call that hangs inside a driver cannot be ended, only left behind: it keeps its thread, which does not keep the
    process from ending.

    Args:
        seconds: how long it may take.
        subject: who is asked, for the message.
        probe: must not use a `Memo`: whoever waits here may hold its lock.

    Raises:
        TimeoutError: there was no answer in time.
        Exception: whatever `probe` raised.
    """
    answers: list[Value] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(probe())
        except BaseException as error:  # handed to whoever waits
            failures.append(error)

    thread = threading.Thread(target=ask, name=f"inference-models probe of {subject}", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise TimeoutError(f"{subject} did not answer within {seconds:g} s ({PROBE_TIMEOUT.name})")
    return answers[0]
