from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inference_models.developer_tools import FileDownloadSpecs, download_files_to_directory
from inference_models.errors import (
    CorruptedModelPackageError,
    FileHashSumMismatch,
    InvalidParameterError,
    ModelRetrievalError,
    UntrustedFileError,
)

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

BODY = b"weights" * 10_000
MD5 = hashlib.md5(BODY).hexdigest()
SHA256 = hashlib.sha256(BODY).hexdigest()


def test_specs_and_tuples_are_fetched(server: FaultServer, tmp_path: Path) -> None:
    url = server.serve("/w", BODY)
    created: list[str] = []
    files = [
        FileDownloadSpecs(url, "weights.onnx", MD5),
        FileDownloadSpecs(url, "sub/weights.onnx", sha256_hash=SHA256, size=len(BODY)),
        ("names.txt", url, MD5),
    ]
    paths = download_files_to_directory(files, str(tmp_path / "new" / "target"), on_file_created=created.append)

    target = tmp_path / "new" / "target"
    assert paths == {name: str(target / name) for name in ("weights.onnx", "sub/weights.onnx", "names.txt")}
    assert all(Path(path).read_bytes() == BODY for path in paths.values())
    assert sorted(created) == sorted(paths.values())
    assert sorted(path.name for path in target.iterdir()) == ["names.txt", "sub", "weights.onnx"]


@pytest.mark.parametrize("handle", ["../w", "/etc/w", "a\\b", "C:w", "con", "w.", "a/../../w", "w\0", ".im-w.part"])
def test_handles_that_lead_elsewhere_are_refused(server: FaultServer, tmp_path: Path, handle: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match="is refused"):
        download_files_to_directory([(handle, server.serve("/w", BODY), MD5)], tmp_path)
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed_out_of_the_directory(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "sub").symlink_to(tmp_path)
    with pytest.raises(CorruptedModelPackageError, match="is a link"):
        download_files_to_directory([("sub/w", server.serve("/w", BODY), MD5)], tmp_path / "target")
    assert not (tmp_path / "w").exists()


def test_without_a_hash_only_when_asked_for(server: FaultServer, tmp_path: Path) -> None:
    url = server.serve("/w", BODY)
    with pytest.raises(UntrustedFileError, match="verify_hash=False"):
        download_files_to_directory([("w", url, None)], tmp_path)
    assert server.requests == []
    download_files_to_directory([("w", url, None)], tmp_path, verify_hash=False)
    assert (tmp_path / "w").read_bytes() == BODY


def test_a_wrong_hash_is_refused_unless_nothing_is_compared(server: FaultServer, tmp_path: Path) -> None:
    files = [("w", server.serve("/w", BODY), "0" * 32)]
    with pytest.raises(FileHashSumMismatch, match="'w'"):
        download_files_to_directory(files, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert download_files_to_directory(files, tmp_path, False) == {"w": str(tmp_path / "w")}


def test_headers_and_a_fresh_address_are_used(server: FaultServer, tmp_path: Path) -> None:
    fresh = FileDownloadSpecs(server.serve("/new", BODY), "w", headers={"X-Token": "new"})
    old = server.serve("/old", b"", status=410)
    file = FileDownloadSpecs(old, "w", MD5, headers={"X-Token": "old"}, refresh=lambda: fresh)
    download_files_to_directory([file], tmp_path)
    assert [headers["x-token"] for _, headers in server.requests] == ["old", "new"]


def test_one_line_for_each_file_unless_quiet(
    server: FaultServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = [("w", server.serve("/w", BODY), MD5)]
    download_files_to_directory(files, tmp_path / "1")
    assert capfd.readouterr().err.startswith("Fetched w: 0.1 MB in ")
    download_files_to_directory(files, tmp_path / "2", verbose=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("file", ["w", ("w", "url"), ("w", 5, None), {"file_handle": "w"}])
def test_what_is_no_file_is_refused(tmp_path: Path, file: Any) -> None:
    with pytest.raises(InvalidParameterError, match="FileDownloadSpecs or a tuple"):
        download_files_to_directory([file], tmp_path)


def test_a_place_that_cannot_be_written_is_an_error_of_ours(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelRetrievalError, match="cannot be written to"):
        download_files_to_directory([("w", server.serve("/w", BODY), MD5)], tmp_path / "file")
