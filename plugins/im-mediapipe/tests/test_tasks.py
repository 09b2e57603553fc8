"""How long tasks live, on the real MediaPipe: threads, options, failures, forgetting to close, forks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inference_models import ModelRuntimeError, SessionClosedError

pytest.importorskip("mediapipe", reason="needs mediapipe, in an environment of its own: make test-mediapipe")


def thread_count() -> int:
    return sum("ThreadPoolExecutor" in thread.name for thread in threading.enumerate())


def wait_until(condition) -> bool:
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def test_threads_get_the_answers_to_their_own_pictures(load, paint) -> None:
    model = load("objects")
    colors = ["red", "green", "blue"] * 20
    pictures = [paint(64, 64, **{color: (16, 16, 32, 32)}) for color in colors]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda at: model(pictures[at], confidence=0.3 + at % 7 / 10)[0].names, range(60)))
    assert found == [[color] for color in colors]


def test_closing_waits_for_runs_and_refuses_later_ones(load, paint) -> None:
    model = load("objects")
    picture, results = paint(64, 64, red=(16, 16, 32, 32)), []

    def work() -> None:
        try:
            while True:
                results.append(model(picture)[0].names)
        except SessionClosedError:
            results.append("closed")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(results) > 10)
    model.close()
    for thread in threads:
        thread.join(20)
    assert results.count("closed") == 3
    assert [one for one in results if one != "closed"] == [["red"]] * (len(results) - 3)


def test_only_a_few_tasks_stay_open(load, paint) -> None:
    model, picture = load("objects"), paint(64, 64, red=(16, 16, 32, 32))
    before = thread_count()
    for confidence in np.linspace(0.1, 0.9, 12):
        assert model(picture, confidence=float(confidence))[0].names == ["red"]
        model(picture, confidence=0.5)
    assert len(model._tasks._open) == 4
    assert any(dict(options)["score_threshold"] == 0.5 for options in model._tasks._open)
    assert wait_until(lambda: thread_count() <= before + 3)


def test_a_model_that_was_forgotten_is_closed_even_in_a_cycle(make_package) -> None:
    from inference_models import AutoModel

    before = thread_count()
    for _ in range(5):
        model = AutoModel.from_pretrained(make_package("face"))
        model.myself = model
        del model
        gc.collect()
    assert wait_until(lambda: thread_count() <= before)


def test_a_failed_run_is_an_error_and_the_next_one_works(load, paint, monkeypatch) -> None:
    model, picture = load("objects"), paint(64, 64, red=(16, 16, 32, 32))
    (task,) = model._tasks._open.values()

    def fail(image: object) -> None:
        raise RuntimeError("Graph has\nerrors.")

    monkeypatch.setattr(task, "detect", fail)
    with pytest.raises(ModelRuntimeError, match="MediaPipe's object detection failed: Graph has errors"):
        model(picture)
    assert model(picture)[0].names == ["red"]


def test_the_end_of_python_is_quiet(make_package) -> None:
    source = (
        "import numpy as np; from inference_models import AutoModel\n"
        f"model = AutoModel.from_pretrained({str(make_package('objects'))!r})\n"
        f"other = AutoModel.from_pretrained({str(make_package('face'))!r})\n"
        "other.myself = other; del other\n"
        "print(len(model(np.zeros((8, 8, 3), np.uint8))[0]))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert "Exception" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_process_gets_an_error_and_does_not_wait_for_ever(make_package, tmp_path: Path) -> None:
    source = (
        "import os, sys, numpy as np; from inference_models import AutoModel, ModelRuntimeError\n"
        f"model = AutoModel.from_pretrained({str(make_package('objects'))!r})\n"
        "picture = np.zeros((8, 8, 3), np.uint8)\n"
        "if os.fork() == 0:\n"
        "    try: model(picture)\n"
        "    except ModelRuntimeError as error: print(str(error)[:52], flush=True)\n"
        "    model.close(); os._exit(0)\n"
        "print(os.wait()[1], len(model(picture)[0]))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["This model was loaded before the process was forked,", "0 0"]
