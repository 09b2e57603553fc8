"""How a check says what it found."""

from __future__ import annotations


class Finding(AssertionError):  # noqa: N818 (it says what was found)
    """Something breaks the contract. An AssertionError, so that pytest reports a failed test and not an error.

    Attributes:
        wrong: what was seen, and what was expected.
        change: what to change in the plugin, the backend, the provider or the model.
    """

    def __init__(self, wrong: str, change: str) -> None:
        super().__init__(f"{wrong}\nTo fix it: {change}")
        self.wrong = wrong
        self.change = change


class NotChecked(Exception):  # noqa: N818 (it is no error: the contract does not apply, or not here)
    """A check cannot be made here; the message says why. A contract skips its test."""
