"""Values that are computed once per process, on first use, from any thread, also after a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Value = TypeVar("Value")


class ProcessLock:
    """A lock for what a module has once per process; its holder may take it again.

    A forked child has a free one, whatever the threads of the parent were doing: they are not there to release theirs.
    The child goes on with what they had half done, so it must do no harm to do that again.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock while the block runs."""
        with self._lock:  # whoever forks in the block releases the one that was taken
            yield


class Memo:
    """Remembers what was computed under a key. A computation that raises is not remembered."""

    # One lock for all memos: what is computed may ask for another value, and two locks taken in two orders
    # would wait for each other for ever.
    _lock = ProcessLock()

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return the value of `key`, computing it if this is the first call in this process."""
        values = self._values  # `clear` puts another dictionary in its place and leaves this one alone
        if key not in values:
            with Memo._lock.held():
                if key not in values:
                    values[key] = compute()
        value: Value = values[key]
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._values = {}
