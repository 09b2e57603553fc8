"""What is found out once per process: by any thread, after a fork, and not when it failed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from textwrap import dedent

import pytest

from inference_models.memo import Memo, ProcessLock


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


def test_a_lock_keeps_other_threads_out_and_its_holder_in() -> None:
    lock, inside, seen = ProcessLock(), [], []

    def work() -> None:
        with lock.held(), lock.held():
            inside.append(1)
            time.sleep(0.01)
            seen.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 4


# For each lock: `hold` takes it and waits, `use` takes it.
HOLDERS = {
    "memo": """
        from inference_models.memo import Memo
        memo = Memo()
        def hold(wait): memo.get("slow", wait)
        def use(): memo.get("quick", int)
    """,
    "local_code": """
        import builtins, json, tempfile
        from inference_models import AutoModel
        CLASS = "class M:\\n    @classmethod\\n    def from_pretrained(cls, path): return cls()"
        def load(line):
            directory = pathlib.Path(tempfile.mkdtemp())
            (directory / "model_config.json").write_text(json.dumps({"model_module": "m.py", "model_class": "M"}))
            (directory / "m.py").write_text(line + "\\n" + CLASS)
            AutoModel.from_pretrained(directory, allow_local_code_packages=True)
        def hold(wait):
            builtins.wait = wait
            load("wait()")
        def use(): load("")
        use()
    """,
    "logs": """
        import logging
        from inference_models.download.logs import without_secrets
        find = logging.getLogger
        def hold(wait):
            logging.getLogger = lambda name: wait() or find(name)
            with without_secrets(): pass
        def use():
            logging.getLogger = find
            with without_secrets(): pass
    """,
    "weights": """
        from types import SimpleNamespace
        from inference_models.torch_support.weights import load_torch_checkpoint
        path = pathlib.Path(sys.executable)
        def hold(wait): load_torch_checkpoint(SimpleNamespace(load=lambda *_, **__: wait()), path)
        def use(): load_torch_checkpoint(SimpleNamespace(load=lambda *_, **__: {}), path)
    """,
}
FORK = """
held, done = threading.Event(), threading.Event()
def wait():
    held.set()
    done.wait()
threading.Thread(target=hold, args=(wait,), daemon=True).start()
assert held.wait(60)
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    use()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def run(program: str) -> str:
    start = "import os, pathlib, signal, sys, threading, warnings\nwarnings.simplefilter('ignore')\n"
    code = f"{start}{program}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=True).stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("name", HOLDERS)
def test_a_lock_that_another_thread_held_while_forking_does_not_block_the_child(name: str) -> None:
    assert run(dedent(HOLDERS[name]) + FORK).strip() == "7"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_whoever_forks_while_holding_a_lock_can_leave_it_on_both_sides() -> None:
    program = """
        from inference_models.memo import ProcessLock
        lock = ProcessLock()
        with lock.held():
            pid = os.fork()
        with lock.held():
            if pid == 0:
                os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert run(dedent(program)).strip() == "7"
