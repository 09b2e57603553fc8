"""Who could change a policy file is told, link or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference_models.policy.exposure import exposures


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A policy that only its owner can change."""
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    path = folder / "policy.toml"
    path.write_text("[packages]\nuntrusted = false\n")
    path.chmod(0o644)
    return path


def test_one_that_only_its_owner_can_change(place: Path) -> None:
    assert exposures(place) == []


def test_a_relative_path_depends_on_the_directory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    [problem] = exposures(Path(place.name))
    assert "relative" in problem


@pytest.mark.parametrize(("mode", "who"), [(0o666, "every user"), (0o646, "every user"), (0o664, "group")])
def test_a_file_that_others_can_write(place: Path, mode: int, who: str) -> None:
    place.chmod(mode)
    [problem] = exposures(place)
    assert str(place) in problem
    assert who in problem


@pytest.mark.parametrize(("mode", "who"), [(0o777, "every user"), (0o775, "group")])
def test_a_directory_in_which_others_can_exchange_it(place: Path, mode: int, who: str) -> None:
    place.parent.chmod(mode)
    [problem] = exposures(place)
    assert who in problem
    assert "another file in its place" in problem


def test_in_a_directory_with_the_sticky_bit_nobody_else_can(place: Path) -> None:
    place.parent.chmod(0o1777)
    assert exposures(place) == []


def test_behind_a_link_both_places_count(place: Path, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    link = open_to_all / "link.toml"
    link.symlink_to(place)
    open_to_all.chmod(0o777)
    assert [str(open_to_all) in problem for problem in exposures(link)] == [True]
    open_to_all.chmod(0o755)
    place.chmod(0o666)
    assert [str(place) in problem for problem in exposures(link)] == [True]


def test_links_in_a_circle_and_files_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert any("cannot be looked at" in problem for problem in exposures(tmp_path / "a"))
    assert any("cannot be looked at" in problem for problem in exposures(tmp_path / "gone"))


def test_a_file_of_another_user(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the administrator can give files away")
    os.chown(place, 12345, -1)
    [problem] = exposures(place)
    assert "belongs to user 12345" in problem
