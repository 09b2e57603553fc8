"""Fetching files for authors of plugins and custom models, by the rules that the store itself keeps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from inference_models.errors import InvalidParameterError, ModelRetrievalError, UntrustedFileError
from inference_models.handles import check_handles
from inference_models.metadata import FileDownloadSpecs
from inference_models.store.filling import make_folders
from inference_models.store.staging import make_directories

if TYPE_CHECKING:
    from inference_models.download.files import DownloadSpec
    from inference_models.download.progress import ProgressSink

__all__ = ["download_files_to_directory"]

FileToDownload: TypeAlias = FileDownloadSpecs | tuple[str, str, str | None]


def download_files_to_directory(
    files: Iterable[FileToDownload],
    target_directory: str | os.PathLike[str],
    verify_hash: bool = True,
    on_file_created: Callable[[str], object] | None = None,
    *,
    max_parallel_downloads: int = 8,
    verbose: bool = True,
    progress: ProgressSink | None = None,
) -> dict[str, str]:
    """Download files, several at once; each one appears in its place when it is complete and verified.

    What has come when a download is interrupted is kept in hidden files, and the next call goes on from there. A file
    that is in its place already and has the stated hash is not fetched again.

    Args:
        files: `FileDownloadSpecs`, or tuples `(file_handle, download_url, md5_hash)`. Handles are relative paths with
            `/` between folders.
        target_directory: made if need be.
        verify_hash: False: compare no hashes, so files without one are fetched, too.
        on_file_created: called with the path of each file that has been put in its place, one at a time.
        max_parallel_downloads: how many connections are open at the same time.
        verbose: show progress on standard error: bars on a terminal, else a line for each file.
        progress: is told how far each file is, instead of standard error.

    Returns:
        The absolute path of each file by its handle.

    Raises:
        InvalidParameterError: an argument has a wrong type or value.
        UntrustedFileError: a file has neither an MD5 nor a SHA-256 sum, and `verify_hash` is on.
        CorruptedModelPackageError: a handle could lead out of the directory, or a stated hash is not one.
        FileHashSumMismatch: a file is not the one that was promised.
        ModelRetrievalError: a file cannot be fetched or written. RetryError and OfflineModeError are such.
    """
    # Imports requests.
    from inference_models.download.files import fetch_all
    from inference_models.download.progress import show_progress

    wanted = [_checked(file) for file in files]
    target = Path(target_directory).absolute()
    check_handles([file.file_handle for file in wanted], target.name)
    specs = [_to_spec(file, verify_hash) for file in wanted]
    try:
        make_directories(target)
        for spec in specs:
            make_folders(target, spec.name)
        with show_progress(verbose=verbose and progress is None) as shown:
            fetch_all(
                specs,
                target,
                max_parallel=max_parallel_downloads,
                progress=progress or shown,
                on_file_created=None if on_file_created is None else lambda path: on_file_created(str(path)),
            )
    except OSError as error:
        raise ModelRetrievalError(
            f"The files cannot be written to {target}: {error.strerror or error}. Make it writable and make sure that "
            f"the disk has space."
        ) from error
    return {spec.name: str(target / spec.name) for spec in specs}


def _checked(file: object) -> FileDownloadSpecs:
    if isinstance(file, FileDownloadSpecs):
        return file
    if isinstance(file, tuple) and len(file) == 3:
        handle, url, md5 = file
        try:
            return FileDownloadSpecs(url, handle, md5)
        except (TypeError, ValueError):
            pass
    raise InvalidParameterError(
        f"A file to download is a FileDownloadSpecs or a tuple (file_handle, download_url, md5_hash), not a "
        f"{type(file).__name__} like this one."
    )


def _to_spec(file: FileDownloadSpecs, verify_hash: bool) -> DownloadSpec:
    from inference_models.download.files import DownloadSpec

    if verify_hash and not file.has_hash:
        raise UntrustedFileError(
            f"File {file.file_handle!r} came without a hash that would prove what it is, so it is not fetched. State "
            f"its MD5 or SHA-256 sum; if you trust its source, pass verify_hash=False."
        )
    refresh = file.refresh
    return DownloadSpec(
        url=file.download_url,
        name=file.file_handle,
        md5=file.md5_hash if verify_hash else None,
        sha256=file.sha256_hash if verify_hash else None,
        size=file.size,
        headers=file.headers,
        refresh=None if refresh is None else lambda: _to_spec(refresh(), verify_hash=False),
    )
