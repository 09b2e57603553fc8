"""What the tests of all distributions share: whoever starts them, what they print is meant for a plain terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from doc_blocks import SETTINGS_OF_OUTPUT


@pytest.fixture(scope="session", autouse=True)
def _plain_terminal() -> Iterator[None]:
    """Hide what terminals and services that run tests set, from the tests and from the processes that they start."""
    with pytest.MonkeyPatch.context() as environment:
        for name in SETTINGS_OF_OUTPUT:
            environment.delenv(name, raising=False)
        yield
