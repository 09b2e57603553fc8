"""Whether a file on disk is the one that was promised."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from inference_models.download.integrity import FileDigests, hash_file, parse_hashes
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch, UntrustedFileError, redact_url
from inference_models.handles import check_handles
from inference_models.metadata import FileDownloadSpecs, ModelPackageMetadata
from inference_models.store.manifest import StoredFile

__all__ = ["new_record", "requested_files", "stored_file", "use_in_place"]

# Files of packages that are used in place, by path, stamp and hash: hashed once in the life of a process.
_proven: set[tuple[object, ...]] = set()


def requested_files(package: ModelPackageMetadata, allow_files_without_hash: bool) -> tuple[FileDownloadSpecs, ...]:
    """Return the files of a package with their names and stated hashes checked.

    Raises:
        CorruptedModelPackageError: a name or a stated hash is refused.
        UntrustedFileError: no hash is stated.
    """
    check_handles([file.file_handle for file in package.package_artefacts], package.package_id)
    files = [_with_plain_hashes(file) for file in package.package_artefacts]
    for file in files:
        if not (file.has_hash or allow_files_without_hash or package.directory is not None):
            raise UntrustedFileError(
                f"File {file.file_handle!r} of model package {package.package_id!r} came without the MD5 sum or "
                f"SHA-256 that would prove what it is, so it is not fetched. If you trust its source, pass "
                f"download_files_without_hash=True."
            )
    return tuple(files)


def use_in_place(directory: Path, files: Sequence[FileDownloadSpecs], package_id: str) -> Path:
    """Return the absolute `directory` of a package that is never fetched, once it is known to be complete.

    A package may also be a single file that somebody named, without files that are listed.

    Raises:
        CorruptedModelPackageError: the directory, or one of `files`, is not there.
        FileHashSumMismatch: a file is not the one that was promised.
    """
    if not files and directory.is_file():
        return directory.absolute()
    if not directory.is_dir():
        raise CorruptedModelPackageError(
            f"Model package {package_id!r} should lie in {directory}, which is not a directory. Reinstall the plugin "
            f"that provides it, or correct the path."
        )
    for file in files:
        path = directory / file.file_handle
        if not path.is_file():
            raise CorruptedModelPackageError(
                f"Model package {package_id!r} lacks its file {file.file_handle!r} in {directory}. Reinstall the "
                f"plugin that provides it, or complete the directory."
            )
        if file.has_hash:
            _prove(path, file)
    return directory.absolute()


def stored_file(directory: Path, file: FileDownloadSpecs, record: StoredFile | None) -> StoredFile | None:
    """Return the record of a file that is there and right, with its present stamp; None: fetch it."""
    path = directory / file.file_handle
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if record is not None and _is_for(record, file):
        if record.size != status.st_size:
            return None
        if record.mtime_ns == status.st_mtime_ns:
            return record
        if hash_file(path).sha256 != record.sha256:
            return None
        return evolve(record, mtime_ns=status.st_mtime_ns)
    # No record, for example because the manifest was lost: what the provider promised is proof enough.
    if not file.has_hash:
        return None
    digests = hash_file(path)
    return new_record(file, digests, status.st_mtime_ns) if _is_as_promised(digests, file) else None


def new_record(file: FileDownloadSpecs, digests: FileDigests, mtime_ns: int) -> StoredFile:
    """Return the record of a file that was just verified."""
    from datetime import UTC, datetime

    return StoredFile(
        handle=file.file_handle,
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        mtime_ns=mtime_ns,
        source=redact_url(file.download_url),
        fetched_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def _is_as_promised(digests: FileDigests, file: FileDownloadSpecs) -> bool:
    return (
        file.md5_hash in {None, digests.md5}
        and file.sha256_hash in {None, digests.sha256}
        and file.size in {None, digests.size}
    )


def _prove(path: Path, file: FileDownloadSpecs) -> None:
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns, file.md5_hash, file.sha256_hash, file.size)
    if key not in _proven:
        digests = hash_file(path)
        if not _is_as_promised(digests, file):
            raise FileHashSumMismatch(
                f"{path} is not the file that was promised: it has {digests.size} bytes, the MD5 sum {digests.md5} and "
                f"the SHA-256 {digests.sha256}. Reinstall the plugin that provides it, or put the right file there."
            )
        _proven.add(key)


def _is_for(record: StoredFile, file: FileDownloadSpecs) -> bool:
    if not file.has_hash:
        return record.source == redact_url(file.download_url)
    return file.md5_hash in {None, record.md5} and file.sha256_hash in {None, record.sha256}


def _with_plain_hashes(file: FileDownloadSpecs) -> FileDownloadSpecs:
    md5, sha256 = parse_hashes(file.md5_hash, file.sha256_hash, file.file_handle)
    if (md5, sha256) == (file.md5_hash, file.sha256_hash):
        return file
    return evolve(file, md5_hash=md5, sha256_hash=sha256)
