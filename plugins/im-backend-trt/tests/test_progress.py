from __future__ import annotations

import threading
import time

import pytest

from im_backend_trt.progress import make_monitor, run_stoppable


def test_nested_phases_make_one_share(fake) -> None:
    told: list[tuple[str, float | None]] = []
    monitor = make_monitor(fake, lambda step, share=None: told.append((step, share)), threading.Event())
    monitor.phase_start("Building Engine", None, 4)
    monitor.step_complete("Building Engine", 0)
    monitor.phase_start("Timing", "Building Engine", 2)
    assert monitor.step_complete("Timing", 0)
    monitor.phase_finish("Timing")
    monitor.step_complete("Building Engine", 3)
    monitor.phase_finish("Building Engine")
    assert told == [("building the engine: Building Engine", share) for share in (0.0, 0.25, 0.25, 0.375, 1.0)]


def test_steps_that_nobody_announced_and_phases_without_any(fake) -> None:
    told: list[float | None] = []
    monitor = make_monitor(fake, lambda step, share=None: told.append(share), threading.Event())
    assert monitor.step_complete("Unknown", 0)
    monitor.phase_start("Empty", None, 0)
    monitor.step_complete("Empty", 5)
    monitor.phase_finish("Unknown")
    assert told == [0.0, 1.0]


def test_a_stopped_build_is_ended_with_its_next_step(fake) -> None:
    stopped = threading.Event()
    monitor = make_monitor(fake, lambda step, share=None: None, stopped)
    monitor.phase_start("Building Engine", None, 4)
    assert monitor.step_complete("Building Engine", 0)
    stopped.set()
    assert not monitor.step_complete("Building Engine", 1)


def test_what_the_work_returns_or_raises_comes_back() -> None:
    assert run_stoppable(lambda: 7, threading.Event()) == 7
    with pytest.raises(ZeroDivisionError):
        run_stoppable(lambda: 1 // 0, threading.Event())


def test_an_interruption_ends_the_work_first(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, ended = threading.Event(), threading.Event()

    def work() -> None:
        stop.wait(10)
        time.sleep(0.05)
        ended.set()

    def interrupted(self: threading.Thread, timeout: float | None = None) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work, stop)
    assert ended.is_set()
