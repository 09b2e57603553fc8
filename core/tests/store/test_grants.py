"""Records of who was given which model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference_models.store.grants import forget_grants, note_grant, was_granted

KEY, OTHER = "ab" * 32, "cd" * 32


def test_a_model_without_records_is_everybodys(tmp_path: Path) -> None:
    assert was_granted("acme", "line-7", KEY, tmp_path)
    assert was_granted("acme", "line-7", None, tmp_path)


def test_a_model_with_records_is_theirs(tmp_path: Path) -> None:
    note_grant("acme", "line-7", KEY, tmp_path)
    note_grant("acme", "line-7", KEY, tmp_path)
    assert was_granted("acme", "line-7", KEY, tmp_path)
    assert not was_granted("acme", "line-7", OTHER, tmp_path)
    assert not was_granted("acme", "line-7", None, tmp_path)
    assert was_granted("acme", "line-8", OTHER, tmp_path)
    assert was_granted("other", "line-7", OTHER, tmp_path)


def test_records_go_with_the_model(tmp_path: Path) -> None:
    note_grant("acme", "line-7", KEY, tmp_path)
    forget_grants("acme", "line-7", tmp_path)
    forget_grants("acme", "line-7", tmp_path)
    assert was_granted("acme", "line-7", OTHER, tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_cache_that_cannot_be_written_to_has_none(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    note_grant("acme", "line-7", KEY, tmp_path)
    assert was_granted("acme", "line-7", OTHER, tmp_path)
    tmp_path.chmod(0o700)


def test_where_nothing_can_be_written_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / ".granted").write_text("in the way")
    note_grant("acme", "line-7", KEY, tmp_path)
    assert was_granted("acme", "line-7", OTHER, tmp_path)
