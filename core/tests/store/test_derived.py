"""What backends make from packages: where it lies, who may use it, and how it goes."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from inference_models.errors import ModelRetrievalError
from inference_models.store import backend_cache_directory
from inference_models.store.derived import list_derived, remove_derived
from inference_models.store.inventory import least_recently_used, list_packages

as_root = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the administrator")


def test_a_directory_of_ones_own_in_the_cache(home: Path) -> None:
    directory = backend_cache_directory("onnx", "0123abcd")

    assert directory == home / ".derived/onnx/0123abcd"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    (directory / "engine").write_bytes(b"1")
    assert backend_cache_directory("onnx", "0123abcd") == directory
    assert (directory / "engine").read_bytes() == b"1"


@pytest.mark.parametrize("key", ["..", "../../etc", "/etc", "a/b", "con", ""])
def test_no_key_leads_elsewhere(home: Path, key: str) -> None:
    directory = backend_cache_directory("onnx", key)

    assert directory.parent == home / ".derived/onnx"


def test_keys_that_some_file_systems_do_not_tell_apart(home: Path) -> None:
    assert len({str(backend_cache_directory("onnx", key)).lower() for key in ("key", "Key", "KEY")}) == 3


def test_it_is_no_package(home: Path) -> None:
    (backend_cache_directory("onnx", "key") / "engine").write_bytes(b"1")

    assert list_packages() == []


def test_a_cache_that_is_a_file(home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("")

    with pytest.raises(ModelRetrievalError, match="INFERENCE_HOME"):
        backend_cache_directory("onnx", "key")


@as_root
def test_a_cache_that_cannot_be_written_to(home: Path) -> None:
    home.mkdir(parents=True)
    home.chmod(0o500)
    try:
        with pytest.raises(ModelRetrievalError, match="Make it readable and writable"):
            backend_cache_directory("onnx", "key")
    finally:
        home.chmod(0o700)


def test_a_directory_that_may_be_read_only(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)

    with pytest.raises(ModelRetrievalError, match="cannot be written to"):
        backend_cache_directory("onnx", "key")


def test_a_directory_of_another_user(home: Path, monkeypatch) -> None:
    backend_cache_directory("onnx", "key")
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    if home.stat().st_uid == 0:  # the administrator's files are trusted: make the directory somebody else's
        os.chown(home / ".derived/onnx", 4711, -1)

    with pytest.raises(ModelRetrievalError, match="belongs to another user"):
        backend_cache_directory("onnx", "key")


def test_listing_and_removing(home: Path) -> None:
    assert list_derived() == []
    for backend, key, size in (("onnx", "b", 10), ("onnx", "a", 20), ("acme", "c", 5)):
        directory = backend_cache_directory(backend, key)
        (directory / "parts").mkdir()
        (directory / "parts/engine").write_bytes(bytes(size))
    derived = list_derived()

    assert [(one.backend, one.key, one.size) for one in derived] == [
        ("acme", "c", 5),
        ("onnx", "a", 20),
        ("onnx", "b", 10),
    ]
    remove_derived(derived[1])
    remove_derived(derived[1])
    assert [one.key for one in list_derived()] == ["c", "b"]


def test_what_was_not_asked_for_longest_goes_first(home: Path) -> None:
    for number, days in enumerate((3, 40, 10)):
        directory = backend_cache_directory("onnx", f"key{number}")
        (directory / "engine").write_bytes(bytes(100))
        then = time.time() - days * 86400
        os.utime(directory, (then, then))
    assert [one.key for one in least_recently_used(list_derived(), 100)] == ["key1", "key2"]

    backend_cache_directory("onnx", "key1")
    assert [one.key for one in least_recently_used(list_derived(), 100)] == ["key2", "key0"]
