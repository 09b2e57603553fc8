"""Following TensorRT's builder, and stopping it: it works for minutes inside one call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from inference_models.developer_tools import CompileProgress

Result = TypeVar("Result")

_PAUSE = 0.2


def make_monitor(trt: Any, progress: CompileProgress, stopped: threading.Event) -> Any:
    """Return an `IProgressMonitor` of the TensorRT module `trt` that reports, and ends the build once it is `stopped`.

    Phases nest; the share is that of the outermost one, with the inner ones as parts of its current step.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)  # without which the C++ side has no object
            self._open: dict[str, tuple[int, int]] = {}
            self._lock = threading.Lock()

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            with self._lock:
                self._open[phase_name] = (0, max(num_steps, 1))
            self._report()

        def step_complete(self, phase_name: str, step: int) -> bool:
            with self._lock:
                if phase_name in self._open:
                    self._open[phase_name] = (step + 1, self._open[phase_name][1])
            self._report()
            return not stopped.is_set()

        def phase_finish(self, phase_name: str) -> None:
            with self._lock:
                self._open.pop(phase_name, None)

        def _report(self) -> None:
            with self._lock:
                phases = list(self._open.items())
            share, width = 0.0, 1.0
            for _, (done, steps) in phases:
                share += width * min(done, steps) / steps
                width /= steps
            if phases:
                progress(f"building the engine: {phases[0][0]}", min(share, 1.0))

    return Monitor()


def run_stoppable(work: Callable[[], Result], stop: threading.Event) -> Result:
    """Return what `work` returns, computed in a thread of its own.

    Python's signal handlers run in the main thread, and only between its own steps: it waits here in short ones. When
    it is interrupted, `stop` is set, and the interruption goes on once `work` has ended.
    """
    result: list[Result] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=target, name="im-compile")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_PAUSE)
    except BaseException:
        stop.set()
        thread.join()
        raise
    if failure:
        raise failure[0]
    return result[0]
