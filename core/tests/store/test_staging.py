from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference_models.store import staging
from inference_models.store.staging import (
    PREFIX,
    publish,
    staging_directory,
    staging_state,
    sweep,
    unfinished_directory,
)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def leave_behind(parent: Path, scope: str, pid: int, age_seconds: float = 0.0) -> Path:
    path = parent / f"{PREFIX}{scope}-{pid}-{tag(parent)}0123456789abcdef"
    path.mkdir(parents=True)
    (path / "weights.part").write_bytes(b"half")
    then = time.time() - age_seconds
    for each in (path / "weights.part", path):
        os.utime(each, (then, then))
    return path


def tag(tmp_path: Path) -> str:
    with unfinished_directory(tmp_path / "p1") as path:
        return path.name.rpartition("-")[2][:8]


def own_scope(tmp_path: Path) -> str:
    with staging_directory(tmp_path) as path:
        return path.name.removeprefix(PREFIX).split("-")[0]


def test_a_staging_directory_is_private_and_removed(tmp_path: Path) -> None:
    with staging_directory(tmp_path / "a" / "b") as path:
        (path / "file").touch()
        assert path.parent == tmp_path / "a" / "b"
        if os.name != "nt":
            assert path.stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_publishing_is_a_rename(tmp_path: Path) -> None:
    with staging_directory(tmp_path) as path:
        (path / "sub").mkdir()
        (path / "sub" / "file").write_text("content")
        assert publish(path, tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    assert (tmp_path / "p" / "sub" / "file").read_text() == "content"


def test_who_publishes_second_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "file").write_text("first")
    with staging_directory(tmp_path) as path:
        (path / "file").write_text("second")
        assert not publish(path, tmp_path / "p")
    assert (tmp_path / "p" / "file").read_text() == "first"


def test_publishing_onto_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p").touch()
    with staging_directory(tmp_path) as path, pytest.raises(OSError, match="p"):
        publish(path, tmp_path / "p")


@pytest.mark.skipif(os.name == "nt", reason="there only the age counts")
def test_what_a_dead_process_left_is_removed_at_once(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path), dead_pid())
    sweep(tmp_path / "p1")
    assert not left.exists()


def test_what_a_living_process_fills_stays(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path), os.getpid(), age_seconds=3600)
    sweep(tmp_path / "p1")
    assert left.exists()


def test_a_pid_of_another_machine_says_nothing_until_a_day_has_passed(tmp_path: Path) -> None:
    young = leave_behind(tmp_path, "00000000", dead_pid(), age_seconds=3600)
    old = leave_behind(tmp_path, "11111111", os.getpid(), age_seconds=staging.STALE_AFTER_SECONDS + 60)
    sweep(tmp_path / "p1")
    assert young.exists()
    assert not old.exists()


def test_a_slow_download_keeps_its_directory(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, "11111111", 1, age_seconds=staging.STALE_AFTER_SECONDS + 60)
    os.utime(left / "weights.part")
    sweep(tmp_path / "p1")
    assert left.exists()


@pytest.mark.parametrize("name", ["x", "x-y-z", "-", "", "00000000-99999999999999999999-0"])
def test_names_of_another_form_wait_for_their_day(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{PREFIX}{name}").mkdir()
    sweep(tmp_path / "p1")
    assert (tmp_path / f"{PREFIX}{name}").exists()


def test_other_directories_are_not_touched(tmp_path: Path) -> None:
    for name in ("p1", ".im-other", ".hidden"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path / "p1")
    assert len(list(tmp_path.iterdir())) == 3


def test_sweeping_nothing_is_fine(tmp_path: Path) -> None:
    sweep(tmp_path / "absent" / "p1")


def test_what_a_dead_process_fetched_is_taken_over_by_one(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path), dead_pid())
    with unfinished_directory(tmp_path / "p1") as first, unfinished_directory(tmp_path / "p1") as second:
        assert not left.exists()
        assert [path.name for path in first.iterdir()] == ["weights.part"]
        assert list(second.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_another_packages_parts_are_left_alone(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path), dead_pid())
    with unfinished_directory(tmp_path / "p2") as path:
        assert list(path.iterdir()) == []
    sweep(tmp_path / "p2")
    assert left.exists()


@pytest.mark.parametrize("scope", ["own", "00000000"])
def test_what_a_living_process_fills_is_not_taken_over(tmp_path: Path, scope: str) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path) if scope == "own" else scope, os.getpid())
    with unfinished_directory(tmp_path / "p1") as path:
        assert list(path.iterdir()) == []
    assert left.exists()


def test_only_some_failures_keep_what_was_fetched(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), unfinished_directory(tmp_path / "p1", keep_on=(KeyError,)):
        raise ValueError("x")
    assert list(tmp_path.iterdir()) == []

    def interrupted() -> None:
        with unfinished_directory(tmp_path / "p1", keep_on=(KeyError,)) as path:
            (path / "weights.part").write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    with unfinished_directory(tmp_path / "p1") as path:
        assert (path / "weights.part").read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_was_moved_does_not_keep_debris_for_ever(tmp_path: Path, years: int) -> None:
    left = leave_behind(tmp_path, "11111111", os.getpid(), age_seconds=years * 365 * 86400.0)
    sweep(tmp_path / "p1")
    assert not left.exists()


def test_the_state_changes_with_every_step(tmp_path: Path) -> None:
    package = tmp_path / "p1"
    states = [staging_state(package)]
    with unfinished_directory(package) as path:
        (path / "sub").mkdir()
        for content in (b"", b"a", b"ab"):
            (path / "sub" / "weights.part").write_bytes(content)
            states.append(staging_state(package))
        with staging_directory(tmp_path) as other:
            (other / "file").touch()
            assert staging_state(package) == states[-1], "another package's"
    assert len({str(state) for state in states}) == 4


def test_a_directory_that_vanishes_in_between_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make_and_lose_once(path: Path) -> None:
        made.append(path)
        if len(made) > 1:
            path.mkdir()

    monkeypatch.setattr(staging, "make_directories", make_and_lose_once)
    with staging_directory(tmp_path / "shapes") as path:
        assert path.is_dir()
    assert len(made) == 2
