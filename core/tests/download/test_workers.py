"""Threads that fetch: each task finds one that is free."""

from __future__ import annotations

import threading
import time

from inference_models.download.workers import Workers


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
