"""What is found out once per process: by any thread, after a fork, and not when it failed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from inference_models.memo import Memo


def test_a_value_is_computed_once_however_many_threads_ask() -> None:
    memo, barrier, calls = Memo(), threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        memo.get("key", lambda: calls.append(1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_a_computation_that_fails_is_tried_again() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("key", lambda: 1 / 0)
    assert memo.get("key", lambda: 2) == 2


def test_clearing_forgets() -> None:
    memo = Memo()
    memo.get("key", lambda: 1)
    memo.clear()
    assert memo.get("key", lambda: 2) == 2


def test_a_computation_may_ask_for_another_value() -> None:
    memo, other = Memo(), Memo()
    assert memo.get("a", lambda: other.get("b", lambda: memo.get("c", lambda: 3))) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_lock_that_another_thread_held_while_forking_does_not_block_the_child() -> None:
    code = (
        "import os, signal, threading, warnings\n"
        "from inference_models.memo import Memo\n"
        "warnings.simplefilter('ignore')\n"
        "held, done, memo = threading.Event(), threading.Event(), Memo()\n"
        "def hold(): held.set(); done.wait()\n"
        "threading.Thread(target=memo.get, args=('slow', hold)).start()\n"
        "held.wait()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    signal.alarm(20)\n"
        "    os._exit(memo.get('quick', lambda: 7))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "done.set()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "7"
