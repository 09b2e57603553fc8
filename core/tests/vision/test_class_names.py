from __future__ import annotations

from pathlib import Path

import pytest

from inference_models.errors import CorruptedModelPackageError
from inference_models.vision import parse_class_names


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"cat\ndog\n", ("cat", "dog")),
        (b"cat\ndog", ("cat", "dog")),
        (b"cat\r\ndog\r\n", ("cat", "dog")),
        (b"cat\rdog\r", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\n", ("cat",)),
        (b"  traffic light \n", ("traffic light",)),
        ("chaise\n\u00e9l\u00e9phant\n".encode(), ("chaise", "\u00e9l\u00e9phant")),
        ("one\u2028line\n".encode(), ("one\u2028line",)),
        (b"cat\ndog\n\n \n\n", ("cat", "dog")),
        (b"cat\n\ndog\n", ("cat", "", "dog")),
        (b"\ncat\n", ("", "cat")),
    ],
)
def test_a_name_has_the_id_of_its_line(tmp_path: Path, content: bytes, names: tuple[str, ...]) -> None:
    path = tmp_path / "class_names.txt"
    path.write_bytes(content)
    assert parse_class_names(path) == names


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "holds no class name"),
        (b"\n \n", "holds no class name"),
        (b"caf\xe9\n", "cannot be read as UTF-8"),
    ],
)
def test_a_file_without_names_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "class_names.txt"
    path.write_bytes(content)
    with pytest.raises(CorruptedModelPackageError, match=expected):
        parse_class_names(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"class_names\.txt is missing"):
        parse_class_names(tmp_path / "class_names.txt")
