"""Decisions are remembered for a while, and whatever is wrong with one is as if there were none."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from inference_models.store.resolutions import FileResolutionCache, Resolution, resolution_key

KEY = "ab" * 32
NOW = 0x7FFFFFFF  # stands for the present in what is written, so that the tests have the same names in every process


@pytest.fixture
def cache(tmp_path: Path) -> FileResolutionCache:
    return FileResolutionCache(tmp_path)


def decision(created_at: float | None = None) -> Resolution:
    return Resolution("acme", "line-7/defects", "onnx", time.time() if created_at is None else created_at)


def entry(cache: FileResolutionCache) -> Path:
    return cache.root / ".resolutions" / f"{KEY}.json"


def test_a_decision_is_remembered_until_it_is_forgotten(cache: FileResolutionCache) -> None:
    assert cache.retrieve(KEY) is None
    cache.register(KEY, decision())
    assert cache.retrieve(KEY).package_id == "onnx"
    assert [path.name for path in entry(cache).parent.iterdir()] == [f"{KEY}.json"]
    cache.invalidate(KEY)
    cache.invalidate(KEY)
    assert cache.retrieve(KEY) is None


def test_expired_decisions_and_debris_go_with_the_next_one_and_the_salt_stays(cache: FileResolutionCache) -> None:
    assert resolution_key({}, "secret", cache.root) is not None
    old = time.time() - 2 * 86400
    names = ("cd" * 32 + ".json", f"{KEY}.json.7.abcd", ".salt")
    for name in names:
        path = entry(cache).with_name(name)
        path.touch()
        os.utime(path, (old, old))
    cache.register("ef" * 32, decision())
    cache.register(KEY, decision())
    assert {path.name for path in entry(cache).parent.iterdir()} == {f"{KEY}.json", f"{'ef' * 32}.json", ".salt"}


@pytest.mark.parametrize("days", [-366, 366])
def test_a_clock_that_moved_by_a_year_makes_a_decision_void(cache: FileResolutionCache, days: int) -> None:
    cache.register(KEY, decision(time.time() + days * 86400))
    assert cache.retrieve(KEY) is None


def test_how_long_a_decision_holds_can_be_set(cache: FileResolutionCache, monkeypatch) -> None:
    cache.register(KEY, decision(time.time() - 120))
    assert cache.retrieve(KEY) is not None
    monkeypatch.setenv("AUTO_LOADER_CACHE_EXPIRATION_MINUTES", "1")
    assert cache.retrieve(KEY) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"format": 99}',
        json.dumps({"format": 1, "provider": "acme"}).encode(),
        json.dumps({"format": 1, "provider": 1, "model_id": "a", "package_id": "b", "created_at": NOW}).encode(),
        json.dumps({"format": 1, "provider": "a", "model_id": "a", "package_id": "b", "created_at": "now"}).encode(),
        json.dumps({"format": 1, "provider": "a", "model_id": "", "package_id": "b", "created_at": NOW}).encode(),
    ],
)
def test_a_damaged_entry_is_none_and_is_replaced(cache: FileResolutionCache, content: bytes) -> None:
    cache.register(KEY, decision())
    entry(cache).write_bytes(content.replace(str(NOW).encode(), str(time.time()).encode()))
    assert cache.retrieve(KEY) is None
    cache.register(KEY, decision())
    assert cache.retrieve(KEY) is not None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_remembers_nothing_and_breaks_nothing(cache: FileResolutionCache, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        cache.register(KEY, decision())
        assert cache.retrieve(KEY) is None
        assert resolution_key({}, "secret", tmp_path) is None
        assert resolution_key({}, None, tmp_path) is not None
    finally:
        tmp_path.chmod(0o700)


def test_a_place_that_is_no_directory_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = FileResolutionCache(tmp_path / "file")
    cache.register(KEY, decision())
    cache.invalidate(KEY)
    assert cache.retrieve(KEY) is None
    assert resolution_key({}, "secret", tmp_path / "file") is None


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_decisions_are_for_this_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        resolution_key({}, "secret", tmp_path / "by-salt")
        FileResolutionCache(tmp_path / "by-decision").register(KEY, decision())
    finally:
        os.umask(before)
    for home in tmp_path.iterdir():
        assert [home.stat().st_mode & 0o777, (home / ".resolutions").stat().st_mode & 0o777] == [0o755, 0o700]


def test_keys_depend_on_every_part_and_on_nothing_else(tmp_path: Path) -> None:
    parts = {"a": 1, "b": ["x"]}
    assert resolution_key(parts) == resolution_key({"b": ["x"], "a": 1})
    others = [resolution_key({"a": 2, "b": ["x"]}), resolution_key(parts, "key-1", tmp_path)]
    others += [resolution_key(parts, "key-2", tmp_path), resolution_key({"a": 1})]
    assert len({resolution_key(parts), *others}) == 5
    assert resolution_key(parts, "key-1", tmp_path) == resolution_key(parts, "key-1", tmp_path)


def test_an_object_counts_by_what_it_is_not_by_where_it_lies() -> None:
    class Cache:
        pass

    first, second = Cache(), Cache()
    for one, other in ((first, second), ([first], [second]), (first.__init__, second.__init__)):
        assert str(one) != str(other)
        assert resolution_key({"cuda_graph_cache": one}) == resolution_key({"cuda_graph_cache": other})
    assert resolution_key({"a": first}) != resolution_key({"a": object()})
    assert resolution_key({"a": Path("x")}) != resolution_key({"a": Path("y")}), "texts without an address differ"


def test_a_credential_cannot_be_found_out_from_the_key(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert resolution_key({}, "secret", first) != resolution_key({}, "secret", second), "each cache has its own salt"
    salt = first / ".resolutions" / ".salt"
    assert len(salt.read_bytes()) == 32
    if os.name == "posix":
        assert salt.stat().st_mode & 0o077 == 0
