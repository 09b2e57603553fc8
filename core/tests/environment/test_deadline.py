from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from inference_models.environment.deadline import within


def test_an_answer() -> None:
    assert within(10, "the driver", lambda: 42) == 42


def test_no_answer_is_an_answer() -> None:
    assert within(10, "the driver", lambda: None) is None


def test_a_failure_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError):
        within(10, "the driver", lambda: 1 // 0)


def test_what_hangs_is_left_behind() -> None:
    release = threading.Event()
    started = time.perf_counter()
    with pytest.raises(
        TimeoutError, match=r"the driver did not answer within 0\.05 s \(INFERENCE_MODELS_PROBE_TIMEOUT"
    ):
        within(0.05, "the driver", release.wait)
    took = time.perf_counter() - started
    release.set()

    assert took < 60


def test_a_process_ends_although_a_probe_hangs() -> None:
    program = (
        "import time\n"
        "from inference_models.environment.deadline import within\n"
        "try:\n    within(0.05, 'the driver', lambda: time.sleep(600))\n"
        "except TimeoutError:\n    print('went on')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert (done.stdout, done.stderr) == ("went on\n", "")
