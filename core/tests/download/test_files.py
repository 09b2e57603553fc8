from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.download.files import DownloadSpec, fetch
from inference_models.download.http import open_session
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch, RetryError

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

BODY = b"weights" * 300_000  # 2.1 MB, more than one chunk
MD5 = hashlib.md5(BODY).hexdigest()


def spec_for(url: str, md5: str | None = MD5) -> DownloadSpec:
    return DownloadSpec(url=url, name="weights.onnx", md5=md5)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_arrives_whole_with_its_digests(server: FaultServer, tmp_path: Path) -> None:
    digests = fetch(spec_for(server.serve("/w", BODY)), tmp_path / "weights.onnx")

    assert (tmp_path / "weights.onnx").read_bytes() == BODY
    assert (digests.sha256, digests.md5, digests.size) == (hashlib.sha256(BODY).hexdigest(), MD5, len(BODY))
    assert names_in(tmp_path) == ["weights.onnx"]


def test_one_session_serves_several_files(server: FaultServer, tmp_path: Path) -> None:
    url = server.serve("/w", BODY)
    with open_session() as session:
        for name in ("a", "b"):
            fetch(spec_for(url), tmp_path / name, session=session)

    assert names_in(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("suffix", ["part", "state"])
def test_a_planted_link_is_not_written_through(server: FaultServer, tmp_path: Path, suffix: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / f".im-weights.onnx.{suffix}").symlink_to(victim)

    fetch(spec_for(server.serve("/w", BODY)), tmp_path / "weights.onnx")

    assert victim.read_bytes() == b"precious"
    assert names_in(tmp_path) == ["victim", "weights.onnx"]


def test_the_longest_possible_name_works(server: FaultServer, tmp_path: Path) -> None:
    name = "w" * 255
    fetch(spec_for(server.serve("/w", BODY)), tmp_path / name)

    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("existing", [None, b"the old one"])
def test_a_wrong_hash_changes_nothing(server: FaultServer, tmp_path: Path, existing: bytes | None) -> None:
    destination = tmp_path / "weights.onnx"
    if existing is not None:
        destination.write_bytes(existing)
    url = server.serve("/w", BODY[:-1] + b"!")

    with pytest.raises(FileHashSumMismatch, match=f"'weights.onnx'.*expected MD5 {MD5}") as caught:
        fetch(spec_for(f"{url}?signature=canary"), destination)

    assert "canary" not in str(caught.value)
    assert names_in(tmp_path) == ([] if existing is None else ["weights.onnx"])
    assert existing is None or destination.read_bytes() == existing


def test_a_body_that_is_always_cut_short_is_given_up_and_kept(server: FaultServer, tmp_path: Path) -> None:
    url = server.serve("/w", BODY[:1_500_000], length=len(BODY))

    with pytest.raises(RetryError, match=r"Given up after 3 tries without progress.*1500000 bytes"):
        fetch(spec_for(url), tmp_path / "weights.onnx")
    assert names_in(tmp_path) == [".im-weights.onnx.part", ".im-weights.onnx.state"]

    fetch(spec_for(server.serve("/w", BODY)), tmp_path / "weights.onnx")
    assert names_in(tmp_path) == ["weights.onnx"]


def test_a_body_cut_short_without_a_length_is_found_by_its_hash(server: FaultServer, tmp_path: Path) -> None:
    url = server.serve("/w", BODY[:1_500_000], length=None)

    with pytest.raises(FileHashSumMismatch):
        fetch(spec_for(url), tmp_path / "weights.onnx")
    assert names_in(tmp_path) == []


def test_a_malformed_hash_is_refused_before_anything_is_asked(server: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(CorruptedModelPackageError, match="not 32 hex digits"):
        fetch(spec_for(server.serve("/w", BODY), md5=""), tmp_path / "weights.onnx")
    assert server.requests == []


def test_headers_are_sent_and_secrets_not_shown(server: FaultServer, tmp_path: Path) -> None:
    spec = DownloadSpec(
        url=server.serve("/w", BODY) + "?signature=canary", name="w", md5=None, headers={"Authorization": "canary"}
    )

    fetch(spec, tmp_path / "w")

    assert server.requests[0][1]["authorization"] == "canary"
    assert "canary" not in repr(spec)


def test_a_folder_that_is_not_there_is_an_os_error(server: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch(spec_for(server.serve("/w", BODY)), tmp_path / "absent" / "weights.onnx")
