"""Files of a package: found under one of their names, read as JSON, and missed with a message that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models import CorruptedModelPackageError
from inference_models.package_files import find_package_file, read_package_json

NAMES = ("weights.net", "model.net")


def test_of_several_files_the_first_name_counts(tmp_path: Path) -> None:
    (tmp_path / "model.net").touch()
    assert find_package_file(tmp_path, NAMES) == tmp_path / "model.net"
    (tmp_path / "weights.net").mkdir()
    assert find_package_file(tmp_path, NAMES).name == "model.net", "a directory is no file"
    (tmp_path / "weights.net").rmdir()
    (tmp_path / "weights.net").touch()
    assert find_package_file(tmp_path, NAMES).name == "weights.net"


def test_what_is_there_instead_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        CorruptedModelPackageError, match=r"neither weights\.net nor model\.net\. It is empty or missing"
    ):
        find_package_file(tmp_path / "nowhere", NAMES)
    for number in range(20):
        (tmp_path / f"{number:02}").touch()
    with pytest.raises(CorruptedModelPackageError, match=r"It has: 00, .*, 18, 19\. Download"):
        find_package_file(tmp_path, NAMES)
    (tmp_path / "20").touch()
    with pytest.raises(CorruptedModelPackageError, match=r"18, 19, \.\.\.\. Download .* name the file as one of them"):
        find_package_file(tmp_path, NAMES)


def test_json_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text('["Größe", 1]', encoding="utf-8")
    assert read_package_json(tmp_path / "facts.json", "It holds facts.") == ["Größe", 1]


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"facts\.json is missing\. It holds facts\. Download"):
        read_package_json(tmp_path / "facts.json", "It holds facts.")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(content)
    with pytest.raises(CorruptedModelPackageError, match=r"facts\.json cannot be read as JSON: "):
        read_package_json(path, "It holds facts.")
