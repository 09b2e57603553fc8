"""What TensorRT says while it works. Its functions return nothing when they fail; the reason is in its log.

A process has one log for each TensorRT module, and keeps it: TensorRT holds on to the first one that it is given,
whatever is given later.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

_KEPT = 40
_QUOTED = 5

logger = logging.getLogger(__name__)
_logs: list[tuple[Any, Any]] = []
_lock = threading.Lock()


def log_of(trt: Any) -> Any:
    """Return the log of a TensorRT module: an `ILogger` that keeps the last warnings and errors.

    Its `drain()` returns what was said since the last call, errors before warnings: in the thread that asks, and in
    threads that TensorRT started itself.
    """
    with _lock:
        for module, log in _logs:
            if module is trt:
                return log
        log = _make_log(trt)
        _logs.append((trt, log))
        if hasattr(trt, "init_libnvinfer_plugins"):  # operators such as EfficientNMS_TRT; the other runtimes have none
            trt.init_libnvinfer_plugins(log, "")
        return log


def _make_log(trt: Any) -> Any:
    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # without which the C++ side has no object
            self._own = threading.local()
            self._of_other_threads: deque[tuple[bool, str]] = deque(maxlen=_KEPT)

        def log(self, severity: Any, msg: str) -> None:
            is_error = severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)
            if is_error or severity == trt.ILogger.WARNING:
                # Threads that have never asked are TensorRT's own.
                lines = getattr(self._own, "lines", self._of_other_threads)
                lines.append((is_error, " ".join(msg.split())))
            logger.log(logging.INFO if is_error else logging.DEBUG, "TensorRT: %s", msg)

        def drain(self) -> list[str]:
            lines = [*_emptied(getattr(self._own, "lines", ())), *_emptied(self._of_other_threads)]
            self._own.lines = deque(maxlen=_KEPT)
            return [text for wanted in (True, False) for is_error, text in lines if is_error is wanted]

    return Log()


def _emptied(lines: Any) -> list[tuple[bool, str]]:
    taken = []
    while lines:
        taken.append(lines.popleft())
    return taken


def quote(lines: list[str]) -> str:
    """Return what TensorRT said, for a message."""
    unique = list(dict.fromkeys(lines))
    if not unique:
        return "TensorRT gives no reason"
    more = f" (and {len(unique) - _QUOTED} more lines)" if len(unique) > _QUOTED else ""
    return "TensorRT says: " + " | ".join(unique[:_QUOTED]) + more
