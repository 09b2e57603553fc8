"""Loading without progress bars and reports on the terminal; what is wrong comes back as an error instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

# Verbosity and progress bars are settings of the whole process, so one load at a time changes them.
_loading = RLock()


@contextmanager
def quietly(transformers: Any) -> Iterator[None]:
    """Return the context in which transformers loads something. Its settings are as before afterwards."""
    logging = transformers.utils.logging
    with _loading:
        level, hook = logging.get_verbosity(), logging.set_tqdm_hook(_without_bar)
        logging.set_verbosity(logging.CRITICAL)
        try:
            yield
        finally:
            logging.set_verbosity(level)
            logging.set_tqdm_hook(hook)


def _without_bar(factory: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return factory(*args, **{**keywords, "disable": True})
