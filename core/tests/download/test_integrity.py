from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_models.download.integrity import FileDigests, Hasher, hash_file, parse_md5, verify
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_streamed_digests_equal_those_of_the_whole(chunks: list[bytes]) -> None:
    hasher = Hasher()
    for chunk in chunks:
        hasher.update(chunk)

    whole = b"".join(chunks)
    assert hasher.digests() == FileDigests(
        sha256=hashlib.sha256(whole).hexdigest(), md5=hashlib.md5(whole).hexdigest(), size=len(whole)
    )


def test_a_file_larger_than_one_chunk_is_hashed_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000  # 2.4 MiB
    path = tmp_path / "weights"
    path.write_bytes(content)

    assert hash_file(path) == FileDigests(
        sha256=hashlib.sha256(content).hexdigest(), md5=hashlib.md5(content).hexdigest(), size=len(content)
    )


def test_md5_in_capitals_is_the_same_md5() -> None:
    assert parse_md5("ABCDEF0123456789abcdef0123456789", "weights") == "abcdef0123456789abcdef0123456789"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "0" * 31,
        "0" * 33,
        "0" * 64,
        "g" * 32,
        " " + "0" * 31,
        "0" * 31 + "\n",
        "0x" + "0" * 30,
        "٠" * 32,  # noqa: RUF001 (Arabic digits are what is tested)
        "1B2M2Y8AsgTpgAmY7PhCfg==",  # base64, as some object stores state it
    ],
)
def test_what_is_not_32_hex_digits_proves_nothing(text: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match="not 32 hex digits"):
        parse_md5(text, "weights")


def test_a_mismatch_names_file_source_and_both_sums() -> None:
    digests = FileDigests(sha256="0" * 64, md5="1" * 32, size=7)

    verify(digests, "weights.onnx", source="https://host/x", md5="1" * 32)
    with pytest.raises(FileHashSumMismatch) as caught:
        verify(digests, "weights.onnx", source="https://host/x", md5="2" * 32)

    for part in ("'weights.onnx'", "https://host/x", "2" * 32, "1" * 32):
        assert part in str(caught.value)
