"""What TensorRT says while it works. Its functions return nothing when they fail; the reason is in its log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any, Protocol

_KEPT = 40
_QUOTED = 5

logger = logging.getLogger(__name__)


class Log(Protocol):
    """A logger for TensorRT that keeps the last warnings and errors."""

    def drain(self) -> list[str]:
        """Return what was said since the last call, errors before warnings."""


def make_log(trt: Any) -> Any:
    """Return a `Log` that is an `ILogger` of the TensorRT module `trt`. It may be called from any thread."""

    class LineLog(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # without which the C++ side has no object
            self._lines: deque[tuple[bool, str]] = deque(maxlen=_KEPT)
            self._lock = threading.Lock()

        def log(self, severity: Any, msg: str) -> None:
            is_error = severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)
            if is_error or severity == trt.ILogger.WARNING:
                with self._lock:
                    self._lines.append((is_error, " ".join(msg.split())))
            logger.log(logging.INFO if is_error else logging.DEBUG, "TensorRT: %s", msg)

        def drain(self) -> list[str]:
            with self._lock:
                lines = list(self._lines)
                self._lines.clear()
            return [text for wanted in (True, False) for is_error, text in lines if is_error is wanted]

    return LineLog()


def quote(lines: list[str]) -> str:
    """Return what TensorRT said, for a message."""
    unique = list(dict.fromkeys(lines))
    if not unique:
        return "TensorRT gives no reason"
    more = f" (and {len(unique) - _QUOTED} more lines)" if len(unique) > _QUOTED else ""
    return "TensorRT says: " + " | ".join(unique[:_QUOTED]) + more
