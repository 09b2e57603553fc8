from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from im_backend_onnx import threads
from im_backend_onnx.threads import choose_threads
from inference_models import InvalidParameterError

linux = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity")


@pytest.fixture
def cores(tmp_path: Path, monkeypatch):
    """Return a function that makes a machine of cores: `cores(["0,4", "1,5"], quota=8)`."""

    def make(siblings: list[str], quota: int) -> Path:
        cpus = {int(cpu): text for text in siblings for cpu in text.split(",")}
        for cpu, text in cpus.items():
            topology = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
            topology.mkdir(parents=True)
            (topology / "thread_siblings_list").write_text(text + "\n")
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(cpus), raising=False)
        monkeypatch.setattr(threads, "available_cpus", lambda: quota)
        return tmp_path

    return make


def test_hyper_threads_of_one_core_count_once(cores) -> None:
    assert choose_threads(None, cores(["0,4", "1,5", "2,6", "3,7"], quota=8)) == 4


def test_a_quota_below_the_cores_counts(cores) -> None:
    assert choose_threads(None, cores(["0,4", "1,5", "2,6", "3,7"], quota=2)) == 2


def test_a_system_that_does_not_show_its_cores(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(threads, "available_cpus", lambda: 3)

    assert choose_threads(None, tmp_path) == 3


def test_what_the_user_says_wins() -> None:
    assert choose_threads(17) == 17


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", True])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="onnx_threads="):
        choose_threads(value)


@linux
@pytest.mark.parametrize(("options", "reported", "started"), [({}, 1, 0), ({"onnx_threads": 3}, 3, 2)])
def test_a_process_bound_to_one_cpu_starts_no_further_threads_unless_told(
    package: Path, options: dict[str, int], reported: int, started: int
) -> None:
    program = (
        "import json, os, sys, onnxruntime\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from im_backend_onnx.session import open_session\n"
        "open_session(sys.argv[1]).close()\n"  # whatever it does once is done now
        "before = len(os.listdir('/proc/self/task'))\n"
        "session = open_session(sys.argv[1], options=json.loads(sys.argv[2]))\n"
        "print(session.runtime['threads'], len(os.listdir('/proc/self/task')) - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(package), json.dumps(options)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert tuple(map(int, done.stdout.split())) == (reported, started)
