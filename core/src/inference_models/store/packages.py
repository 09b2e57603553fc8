"""A package as a directory of verified files: found, fetched or repaired."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import evolve, frozen

from inference_models.configuration import INFERENCE_HOME
from inference_models.download.integrity import FileDigests, hash_file, parse_md5, verify_md5
from inference_models.errors import (
    CorruptedModelPackageError,
    ModelRetrievalError,
    UntrustedFileError,
    redact_url,
)
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store.layout import (
    MANIFEST_NAME,
    cache_root,
    check_handles,
    package_directory,
    refuse_foreign,
)
from inference_models.store.manifest import Manifest, PackageIdentity, StoredFile, read_manifest, write_manifest
from inference_models.store.staging import flush_directory, publish, staging_directory, sweep

__all__ = ["materialise"]

# Others may remove or exchange files while we look. Who loses three times in a row is told, not kept in a loop.
_ATTEMPTS = 3


def materialise(
    metadata: ModelMetadata,
    package: ModelPackageMetadata,
    provider: str,
    *,
    home: Path | None = None,
    allow_files_without_hash: bool = False,
) -> Path:
    """Return a directory that holds the package's files, each one verified.

    Files that are already stored are recognised by size and modification time; one whose stamp changed is hashed
    again; one that is missing or wrong is fetched. Nothing is written when all is in place.

    Args:
        metadata: the model.
        package: one of its packages. With a `directory`, that is used in place and never written to.
        provider: name of the weights provider that stated both.
        home: root of the cache. None: as configured.
        allow_files_without_hash: fetch files for which the provider states no MD5 sum, too.

    Raises:
        UntrustedFileError: a file has no MD5 sum.
        CorruptedModelPackageError: a file's name is refused, or the package's own `directory` is incomplete.
        FileHashSumMismatch: a file is not the one that was promised.
        ModelRetrievalError: a file cannot be fetched, or the cache cannot be used.
    """
    files = _requested_files(package, allow_files_without_hash)
    if package.directory is not None:
        return _use_in_place(package.directory, files, package.package_id)
    directory = package_directory(home or cache_root(), provider, metadata.model_id, package.package_id)
    identity = PackageIdentity(provider, metadata.model_id, package.package_id)
    with _storage_errors(directory):
        refuse_foreign(directory.parent.parent, directory.parent, directory)
        for _ in range(_ATTEMPTS):
            content = _inspect(directory, identity, files)
            if not content.missing:
                _refresh_manifest(directory, content)
                sweep(directory.parent)
                return directory
            _complete(directory, content, files)
    raise ModelRetrievalError(
        f"Model package {package.package_id!r} in {directory} is being changed by another program. Stop it, then try "
        f"again."
    )


@frozen
class _Content:
    """What a package directory holds of what was asked for."""

    recorded: Manifest | None
    current: Manifest
    missing: tuple[FileDownloadSpecs, ...]


def _requested_files(package: ModelPackageMetadata, allow_files_without_hash: bool) -> tuple[FileDownloadSpecs, ...]:
    check_handles([file.file_handle for file in package.package_artefacts], package.package_id)
    files = []
    for file in package.package_artefacts:
        if file.md5_hash is not None:
            files.append(evolve(file, md5_hash=parse_md5(file.md5_hash, file.file_handle)))
        elif allow_files_without_hash or package.directory is not None:
            files.append(file)
        else:
            raise UntrustedFileError(
                f"File {file.file_handle!r} of model package {package.package_id!r} came without the MD5 sum that "
                f"would prove what it is, so it is not fetched. If you trust its source, pass "
                f"allow_files_without_hash=True."
            )
    return tuple(files)


def _use_in_place(directory: Path, files: Sequence[FileDownloadSpecs], package_id: str) -> Path:
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
        if file.md5_hash is not None:
            verify_md5(hash_file(path), file.md5_hash, file.file_handle, source=str(directory))
    return directory.absolute()


def _inspect(directory: Path, identity: PackageIdentity, files: Sequence[FileDownloadSpecs]) -> _Content:
    recorded = read_manifest(directory)
    if recorded is not None and recorded.identity != identity:
        raise CorruptedModelPackageError(
            f"{directory} should hold package {identity.package_id!r} of model {identity.model_id!r}, but its manifest "
            f"says {recorded.identity.package_id!r} of {recorded.identity.model_id!r}. Remove the directory, then try "
            f"again."
        )
    records = recorded.files if recorded is not None else {}
    found = {file.file_handle: _stored(directory, file, records.get(file.file_handle)) for file in files}
    return _Content(
        recorded=recorded,
        current=Manifest(identity, {handle: record for handle, record in found.items() if record is not None}),
        missing=tuple(file for file in files if found[file.file_handle] is None),
    )


def _stored(directory: Path, file: FileDownloadSpecs, record: StoredFile | None) -> StoredFile | None:
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
    if file.md5_hash is None:
        return None
    digests = hash_file(path)
    return _record(file, digests, status.st_mtime_ns) if digests.md5 == file.md5_hash else None


def _is_for(record: StoredFile, file: FileDownloadSpecs) -> bool:
    if file.md5_hash is not None:
        return record.md5 == file.md5_hash
    return record.source == redact_url(file.download_url)


def _record(file: FileDownloadSpecs, digests: FileDigests, mtime_ns: int) -> StoredFile:
    from datetime import UTC, datetime

    return StoredFile(
        handle=file.file_handle,
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        mtime_ns=mtime_ns,
        source=redact_url(file.download_url),
        fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _refresh_manifest(directory: Path, content: _Content) -> None:
    if content.recorded == content.current:
        return
    # A read-only cache is served all the same: the files are right, only the next load hashes them again.
    with suppress(OSError), staging_directory(directory.parent) as staging:
        write_manifest(staging, content.current).replace(directory / MANIFEST_NAME)


def _complete(directory: Path, content: _Content, files: Sequence[FileDownloadSpecs]) -> None:
    """Fetch what is missing and publish it: the whole directory at once, or file by file into one that exists."""
    is_new = not directory.exists()
    with staging_directory(directory.parent) as staging:
        fetched = _fetch(content.missing, staging)
        known = {**content.current.files, **fetched}
        manifest = evolve(content.current, files={file.file_handle: known[file.file_handle] for file in files})
        write_manifest(staging, manifest)
        if is_new:
            # Another process may be faster. What it published is inspected next, and most likely serves.
            publish(staging, directory)
            return
        if content.recorded is not None:
            _remove_dropped(directory, set(content.recorded.files) - set(manifest.files))
        _install(staging, directory, [*fetched, MANIFEST_NAME])


def _fetch(files: Sequence[FileDownloadSpecs], staging: Path) -> dict[str, StoredFile]:
    from inference_models.download.files import DownloadSpec, fetch  # imports requests
    from inference_models.download.http import open_session

    records = {}
    with open_session() as session:
        for file in files:
            path = staging / file.file_handle
            _make_folders(staging, file.file_handle)
            spec = DownloadSpec(url=file.download_url, name=file.file_handle, md5=file.md5_hash)
            digests = fetch(spec, path, session=session)
            records[file.file_handle] = _record(file, digests, path.lstat().st_mtime_ns)
    return records


def _install(staging: Path, directory: Path, handles: Sequence[str]) -> None:
    """Move files into an existing package, in this order. Interrupted, it leaves what the next load repairs."""
    for handle in handles:
        path = directory / handle
        _make_folders(directory, handle)
        (staging / handle).replace(path)
        flush_directory(path.parent)


def _remove_dropped(directory: Path, handles: Iterable[str]) -> None:
    """Remove files that the package had and has no more, and folders that this leaves empty."""
    for handle in handles:
        path = directory / handle
        folders = path.parents[: handle.count("/")]
        if any(folder.is_symlink() for folder in folders):
            continue  # it leads out of the package
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        for folder in folders:
            with suppress(OSError):  # not empty: other files are still in it
                folder.rmdir()


def _make_folders(directory: Path, handle: str) -> None:
    """Make the folders of `handle` inside `directory`, following no link that would lead out of it."""
    path = directory / handle
    for folder in reversed(path.parents[: handle.count("/")]):
        if folder.is_symlink():
            raise CorruptedModelPackageError(
                f"{folder} is a link, where the store expects a folder of its own. Remove {directory}, then try again."
            )
        folder.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _storage_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelRetrievalError(
            f"The model cache cannot be used for {directory}: {error.strerror or error}. Make it writable and make "
            f"sure that the disk has space, or set {INFERENCE_HOME.name} to another directory."
        ) from error
