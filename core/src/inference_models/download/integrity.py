"""Hashing files, and comparing what came with what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["FileDigests", "Hasher", "hash_file", "parse_hashes", "parse_md5", "parse_sha256", "verify"]

CHUNK_SIZE = 1 << 20
_MD5_DIGITS = 32
_SHA256_DIGITS = 64
_HEX_DIGITS = frozenset("0123456789abcdef")


@frozen
class FileDigests:
    """What a file is.

    Attributes:
        sha256: 64 lower-case hex digits; what the store trusts from now on.
        md5: 32 lower-case hex digits; what weights providers promise.
        size: in bytes.
    """

    sha256: str
    md5: str
    size: int


class Hasher:
    """Digests of bytes that pass by."""

    def __init__(self) -> None:
        from hashlib import md5, sha256  # loads OpenSSL, which a load from the cache does not need

        self._sha256: _Hash = sha256()
        # MD5 only compares with what providers publish. Said explicitly, because FIPS builds refuse it otherwise.
        self._md5: _Hash = md5(usedforsecurity=False)
        self._size = 0

    @property
    def size(self) -> int:
        """How many bytes there were so far."""
        return self._size

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._sha256.update(chunk)
        self._md5.update(chunk)
        self._size += len(chunk)

    def digests(self) -> FileDigests:
        """Return the digests of all bytes so far."""
        return FileDigests(sha256=self._sha256.hexdigest(), md5=self._md5.hexdigest(), size=self._size)


def hash_file(path: Path) -> FileDigests:
    """Read the file at `path` once and return its digests. Raises: OSError."""
    hasher = Hasher()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_SIZE):
            hasher.update(chunk)
    return hasher.digests()


def parse_md5(text: str, name: str) -> str:
    """Return the MD5 sum `text` of file `name` in lower case.

    Raises:
        CorruptedModelPackageError: it is not 32 hex digits. A shorter one must never match as a prefix.
    """
    return _parse_sum(text, name, "MD5", _MD5_DIGITS)


def parse_sha256(text: str, name: str) -> str:
    """Return the SHA-256 sum `text` of file `name` in lower case.

    Raises:
        CorruptedModelPackageError: it is not 64 hex digits.
    """
    return _parse_sum(text, name, "SHA-256", _SHA256_DIGITS)


def parse_hashes(md5: str | None, sha256: str | None, name: str) -> tuple[str | None, str | None]:
    """Return what is stated of file `name` in lower case, None where nothing is. Raises: CorruptedModelPackageError."""
    return (
        None if md5 is None else parse_md5(md5, name),
        None if sha256 is None else parse_sha256(sha256, name),
    )


def _parse_sum(text: str, name: str, kind: str, digits: int) -> str:
    value = text.lower()
    if len(value) != digits or not _HEX_DIGITS.issuperset(value):
        raise CorruptedModelPackageError(
            f"The {kind} sum stated for file {name!r} is {text[:80]!r}, not {digits} hex digits, so the file cannot be "
            f"checked. The weights provider must correct it."
        )
    return value


def verify(
    digests: FileDigests,
    name: str,
    *,
    source: str,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
) -> None:
    """Compare a file with what was promised of it.

    Args:
        digests: of the bytes that came.
        name: the file, for the message.
        source: where it came from, without secrets, for the message.
        md5: from `parse_md5`; None: nothing was promised. So with the others.
        sha256: from `parse_sha256`.
        size: in bytes.

    Raises:
        FileHashSumMismatch: they differ.
    """
    pairs = (("SHA-256", sha256, digests.sha256), ("MD5", md5, digests.md5), ("a size of", size, digests.size))
    for kind, expected, actual in pairs:
        if expected is not None and expected != actual:
            raise FileHashSumMismatch(
                f"File {name!r} from {source} is not the one that was promised: expected {kind} {expected}, got "
                f"{actual} ({digests.size} bytes). It was not kept. Try again; if it repeats, the provider's file or "
                f"its stated hash is wrong."
            )
