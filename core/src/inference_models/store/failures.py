"""What the file system refuses, said of the place that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference_models.configuration import INFERENCE_HOME
from inference_models.errors import ModelRetrievalError
from inference_models.store.layout import cache_root

__all__ = ["reading_errors", "storage_errors"]


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says what to do.

    Args:
        place: what is worked on, in the cache or not. What is only read from elsewhere needs `reading_errors`.

    Raises:
        ModelRetrievalError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        if place.is_relative_to(cache_root()):
            text = (
                f"The model cache cannot be used for {place}: {reason}. Make it readable and writable for this user "
                f"and make sure that the disk has space, or set {INFERENCE_HOME.name} to another directory."
            )
        else:
            text = (
                f"{place} cannot be used: {reason}. Make it and the directory that it lies in readable and writable "
                f"for this user and make sure that the disk has space, or name another place."
            )
        raise ModelRetrievalError(text) from error


@contextmanager
def reading_errors(path: Path, advice: str) -> Iterator[None]:
    """Name the file that cannot be read. Raises: ModelRetrievalError, with `advice`, instead of an OSError."""
    try:
        yield
    except OSError as error:
        raise ModelRetrievalError(f"{path} cannot be read: {error.strerror or error}. {advice}") from error
