"""Values that are computed once per process, on first use, from any thread, also after a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Memo:
    """Remembers what was computed under a key. A computation that raises is not remembered."""

    # One lock for all memos: what is computed may ask for another value, and two locks taken in two orders
    # would wait for each other for ever.
    _lock = threading.RLock()

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return the value of `key`, computing it if this is the first call in this process."""
        values = self._values  # `clear` puts another dictionary in its place and leaves this one alone
        if key not in values:
            with Memo._lock:
                if key not in values:
                    values[key] = compute()
        value: Value = values[key]
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._values = {}


def _reset_after_fork() -> None:
    # Another thread of the parent may have held the lock while it forked; nobody would release it here.
    Memo._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
