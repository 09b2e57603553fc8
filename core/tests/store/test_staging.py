from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference_models.store import staging
from inference_models.store.staging import PREFIX, publish, staging_directory, sweep


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def leave_behind(parent: Path, scope: str, pid: int, age_seconds: float = 0.0) -> Path:
    path = parent / f"{PREFIX}{scope}-{pid}-0123456789abcdef"
    path.mkdir(parents=True)
    (path / "weights.part").write_bytes(b"half")
    then = time.time() - age_seconds
    for each in (path / "weights.part", path):
        os.utime(each, (then, then))
    return path


def own_scope(tmp_path: Path) -> str:
    with staging_directory(tmp_path) as path:
        return path.name.removeprefix(PREFIX).split("-")[0]


def test_a_staging_directory_is_private_and_removed(tmp_path: Path) -> None:
    with staging_directory(tmp_path / "a" / "b") as path:
        (path / "file").touch()
        assert path.parent == tmp_path / "a" / "b"
        if os.name != "nt":
            assert path.stat().st_mode & 0o777 == 0o700
            assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
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
    sweep(tmp_path)
    assert not left.exists()


def test_what_a_living_process_fills_stays(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, own_scope(tmp_path), os.getpid(), age_seconds=3600)
    sweep(tmp_path)
    assert left.exists()


def test_a_pid_of_another_machine_says_nothing_until_a_day_has_passed(tmp_path: Path) -> None:
    young = leave_behind(tmp_path, "00000000", dead_pid(), age_seconds=3600)
    old = leave_behind(tmp_path, "11111111", os.getpid(), age_seconds=staging.STALE_AFTER_SECONDS + 60)
    sweep(tmp_path)
    assert young.exists()
    assert not old.exists()


def test_a_slow_download_keeps_its_directory(tmp_path: Path) -> None:
    left = leave_behind(tmp_path, "11111111", 1, age_seconds=staging.STALE_AFTER_SECONDS + 60)
    os.utime(left / "weights.part")
    sweep(tmp_path)
    assert left.exists()


@pytest.mark.parametrize("name", ["x", "x-y-z", "-", "", "00000000-99999999999999999999-0"])
def test_names_of_another_form_wait_for_their_day(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{PREFIX}{name}").mkdir()
    sweep(tmp_path)
    assert (tmp_path / f"{PREFIX}{name}").exists()


def test_other_directories_are_not_touched(tmp_path: Path) -> None:
    for name in ("p1", ".im-other", ".hidden"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_sweeping_nothing_is_fine(tmp_path: Path) -> None:
    sweep(tmp_path / "absent")
