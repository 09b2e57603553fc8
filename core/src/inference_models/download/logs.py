"""Keeping secrets out of log records of the HTTP library, whose debug and warning messages show whole URLs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from inference_models.memo import ProcessLock

__all__ = ["without_secrets"]

# Filters work on the logger that a record is made with, not on those above it.
_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "urllib3.util.url",
)
_QUERY = re.compile(r"\?[^\s\"'<>)]*")


class _Redactor(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without what stands behind a question mark and without a traceback."""
        record.msg, record.args = _QUERY.sub("?...", record.getMessage()), None
        record.exc_info, record.exc_text = None, None
        return True


_REDACTOR = _Redactor()
_lock = ProcessLock()
_users = 0


@contextmanager
def without_secrets() -> Iterator[None]:
    """Keep queries out of the HTTP library's log records while the block runs, in whichever thread they are made."""
    global _users  # noqa: PLW0603 (the loggers are global, too)
    with _lock.held():
        _users += 1
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_REDACTOR)  # which does nothing the second time
    try:
        yield
    finally:
        with _lock.held():
            _users -= 1
            if _users == 0:
                for name in _LOGGERS:
                    logging.getLogger(name).removeFilter(_REDACTOR)
