"""Consoles that keep what is printed on them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

Printed = Callable[..., str]


@pytest.fixture
def printed() -> Printed:
    """Return a function that calls a `print_*` function and returns what it printed, plain, on one wide console."""

    def call(function: Callable[..., None], *args: object, width: int = 400, **kwargs: object) -> str:
        file = io.StringIO()
        # Markup and emoji are on, as in a console that a user makes: nothing printed may be taken for either.
        function(*args, console=Console(file=file, width=width), **kwargs)
        return file.getvalue()

    return call
