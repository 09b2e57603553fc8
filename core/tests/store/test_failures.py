"""What the file system refuses, said of the place that it is about."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from inference_models.errors import ModelRetrievalError
from inference_models.store.failures import reading_errors, storage_errors


def refuse() -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("inside", ["", "shapes/p1"])
def test_a_place_in_the_cache_may_be_changed_by_its_variable(home: Path, inside: str) -> None:
    with (
        pytest.raises(ModelRetrievalError, match=r"model cache.*Permission denied.*INFERENCE_HOME"),
        storage_errors(home / inside),
    ):
        refuse()


@pytest.mark.parametrize("place", [Path("output"), Path("/elsewhere/output")])
def test_another_place_is_named_without_the_cache(place: Path) -> None:
    with pytest.raises(ModelRetrievalError) as caught, storage_errors(place):
        refuse()
    assert caught.value.message.startswith(f"{place} cannot be used: Permission denied. ")
    assert "cache" not in caught.value.message
    assert "INFERENCE_HOME" not in caught.value.message


def test_what_cannot_be_read_is_named_with_the_advice() -> None:
    with pytest.raises(ModelRetrievalError) as caught, storage_errors(Path("output")):  # noqa: SIM117
        with reading_errors(Path("input"), "Copy it again."):
            refuse()
    assert caught.value.message == "input cannot be read: Permission denied. Copy it again."
