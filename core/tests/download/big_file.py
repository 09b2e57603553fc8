"""A file of 10 MB that tests fetch, and what must be there afterwards."""

from __future__ import annotations

import hashlib
from pathlib import Path

from attrs import evolve

from inference_models.download.files import DownloadSpec, fetch

MEBIBYTE = 1 << 20
BODY = bytes(range(251)) * 40_000  # 10 MB; 251 is prime, so a block at a wrong place never looks right
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


def spec_for(url: str, **facts: object) -> DownloadSpec:
    return evolve(DownloadSpec(url=url, name="weights.onnx", sha256=SHA256, md5=MD5, size=len(BODY)), **facts)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fetch_and_check(spec: DownloadSpec, directory: Path) -> None:
    digests = fetch(spec, directory / "weights.onnx")
    assert (directory / "weights.onnx").read_bytes() == BODY
    assert (digests.sha256, digests.md5, digests.size) == (SHA256, MD5, len(BODY))
    assert names_in(directory) == ["weights.onnx"]
