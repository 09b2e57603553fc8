"""Plain files, copied and hashed on the way."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch, ModelRetrievalError
from inference_models.store.copying import copy_plain

SHA256 = hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


def test_a_copy_has_the_digests_that_are_returned(source: Path, tmp_path: Path) -> None:
    digests = copy_plain(source, tmp_path / "copy", SHA256, "Advice.")
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert (digests.sha256, digests.md5, digests.size) == (SHA256, hashlib.md5(b"content").hexdigest(), 7)


def test_another_file_is_refused_with_the_advice(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FileHashSumMismatch, match=f"{SHA256}. Advice"):
        copy_plain(source, tmp_path / "copy", "0" * 64, "Advice.")


@pytest.mark.parametrize("what", ["absent", "source/below-a-file", "link", "."])
def test_only_a_plain_file_is_copied(source: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(CorruptedModelPackageError, match=r"(missing|not a plain file)\. Advice"):
        copy_plain(tmp_path / what, tmp_path / "copy", SHA256, "Advice.")


def test_a_target_that_cannot_be_written_is_not_the_sources_fault(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_plain(source, tmp_path / "absent" / "copy", SHA256, "Advice.")


@pytest.mark.skipif(sys.platform != "linux", reason="where there is a file that opens and cannot be read")
def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelRetrievalError, match=r"mem cannot be read: .*\. Advice"):
        copy_plain(Path("/proc/self/mem"), tmp_path / "copy", SHA256, "Advice.")
