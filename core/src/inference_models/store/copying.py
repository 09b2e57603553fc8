"""Plain files, copied and hashed on the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from inference_models.download.integrity import CHUNK_SIZE, FileDigests, Hasher
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch
from inference_models.store.failures import reading_errors

__all__ = ["copy_plain", "open_plain"]


def copy_plain(source: Path, target: Path, sha256: str, advice: str) -> FileDigests:
    """Copy a plain file to `target`, which must not exist, flushed to disk.

    Args:
        source: what to copy.
        target: where to.
        sha256: 64 hex digits that the file must have.
        advice: what to do about a source that cannot be used.

    Raises:
        FileHashSumMismatch: it is another file.
        CorruptedModelPackageError: it is missing, or no plain file.
        ModelRetrievalError: it cannot be read.
        OSError: `target` cannot be written.
    """
    hasher = Hasher()
    with open_plain(source, advice) as incoming, target.open("xb") as outgoing:
        for chunk in _chunks(incoming, source, advice):
            hasher.update(chunk)
            outgoing.write(chunk)
        outgoing.flush()
        os.fsync(outgoing.fileno())
    digests = hasher.digests()
    if digests.sha256 != sha256:
        raise FileHashSumMismatch(
            f"{source} is not the file that it should be: expected SHA-256 {sha256}, got {digests.sha256}. {advice}"
        )
    return digests


@contextmanager
def open_plain(path: Path, advice: str) -> Iterator[FileIO]:
    """Open a file that is no link, device or pipe.

    Raises:
        CorruptedModelPackageError: it is missing, or no plain file.
        ModelRetrievalError: it cannot be opened.
    """
    with reading_errors(path, advice):
        try:
            is_plain = stat.S_ISREG(path.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            raise CorruptedModelPackageError(f"{path} is missing. {advice}") from None
        if not is_plain:
            raise CorruptedModelPackageError(f"{path} is not a plain file. {advice}")
        file = path.open("rb", buffering=0)
    with file:
        yield file


def _chunks(file: FileIO, path: Path, advice: str) -> Iterator[bytes]:
    while True:
        with reading_errors(path, advice):
            chunk = file.read(CHUNK_SIZE)
        if not chunk:
            return
        yield chunk
