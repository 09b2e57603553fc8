"""Threads that fetch: each task finds one that is free."""

from __future__ import annotations

import threading
import time

import pytest

from inference_models.download.workers import Workers
from inference_models.errors import ModelRetrievalError


def test_a_thread_that_is_free_hears_of_a_new_task_although_the_caller_waits_too() -> None:
    workers = Workers(2)
    is_done, is_taken = threading.Event(), threading.Event()
    taken: list[bool] = []

    def first() -> None:
        time.sleep(0.1)  # until the caller waits
        workers.submit(second)
        is_done.wait(20)
        time.sleep(0.1)  # until the thread that ran it waits as well, behind the caller
        workers.submit(is_taken.set)
        taken.append(is_taken.wait(20))

    def second() -> None:
        time.sleep(0.1)
        is_done.set()

    workers.submit(first)
    workers.wait()
    workers.stop()
    assert taken == [True]


def refuse_threads(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    started = []
    start = threading.Thread.start

    def start_or_refuse(thread: threading.Thread) -> None:
        if len(started) >= after:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_refuse)


def test_that_no_thread_can_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_threads(monkeypatch, after=0)
    workers = Workers(2)
    try:
        with pytest.raises(ModelRetrievalError, match=r"No thread can be had.*can't start new thread"):
            workers.submit(print)
    finally:
        workers.stop()


def test_one_thread_does_the_work_of_all_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_threads(monkeypatch, after=1)
    workers = Workers(8)
    done: list[int] = []
    for number in range(8):
        workers.submit(lambda number=number: done.append(number))
    workers.wait()
    workers.stop()
    assert done == list(range(8))
