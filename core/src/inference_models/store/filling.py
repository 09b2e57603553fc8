"""Files on their way into a package: fetched into a staging directory, moved into place, removed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from inference_models.errors import CorruptedModelPackageError
from inference_models.metadata import FileDownloadSpecs
from inference_models.store.checking import new_record
from inference_models.store.layout import MANIFEST_NAME
from inference_models.store.manifest import Manifest, StoredFile, write_manifest
from inference_models.store.staging import DIRECTORY_MODE, flush_directory, keep_from_writers, staging_directory

if TYPE_CHECKING:
    from inference_models.download.files import DownloadSpec
    from inference_models.download.progress import ProgressSink

__all__ = ["fetch_into", "install", "make_folders", "remove_dropped", "remove_strangers", "replace_manifest"]


def fetch_into(
    staging: Path, files: Sequence[FileDownloadSpecs], progress: ProgressSink | None = None
) -> dict[str, StoredFile]:
    """Fetch files into `staging`, going on with what an earlier attempt left there. Return their records."""
    from inference_models.download.files import fetch_all  # imports requests

    for file in files:
        make_folders(staging, file.file_handle)
    digests = fetch_all([_to_spec(file) for file in files], staging, progress=progress)
    return {
        file.file_handle: new_record(file, digests[file.file_handle], (staging / file.file_handle).lstat().st_mtime_ns)
        for file in files
    }


def _to_spec(file: FileDownloadSpecs) -> DownloadSpec:
    from inference_models.download.files import DownloadSpec

    refresh = file.refresh
    return DownloadSpec(
        url=file.download_url,
        name=file.file_handle,
        md5=file.md5_hash,
        sha256=file.sha256_hash,
        size=file.size,
        headers=file.headers,
        refresh=None if refresh is None else lambda: _to_spec(refresh()),
    )


def remove_strangers(staging: Path, handles: Collection[str]) -> None:
    """Remove from a staging directory all but the files that belong to the package, such as parts of an older one."""
    from shutil import rmtree  # brings compression libraries along

    folders = {str(parent) for handle in handles for parent in Path(handle).parents}
    for path in sorted(staging.rglob("*"), reverse=True):  # what lies in a folder comes before the folder
        name = path.relative_to(staging)
        if name.as_posix() in handles or str(name) in folders:
            continue
        if path.is_dir() and not path.is_symlink():
            rmtree(path)
        else:
            path.unlink()


def install(staging: Path, directory: Path, handles: Sequence[str]) -> None:
    """Move files into an existing package, in this order. Interrupted, it leaves what the next load repairs."""
    for handle in handles:
        path = directory / handle
        make_folders(directory, handle)
        keep_from_writers(staging / handle)
        (staging / handle).replace(path)
        flush_directory(path.parent)


def remove_dropped(directory: Path, handles: Iterable[str]) -> None:
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


def replace_manifest(directory: Path, manifest: Manifest, *, is_use: bool = True) -> None:
    """Put another manifest into a package, flushed to disk. Raises: OSError.

    Args:
        directory: of the package, which has a manifest already unless `is_use`.
        manifest: the new one.
        is_use: whether the package counts as used now.
    """
    place = directory / MANIFEST_NAME
    with staging_directory(directory.parent) as staging:
        new = write_manifest(staging, manifest)
        if not is_use:
            times = place.stat()
            os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
        keep_from_writers(new)
        new.replace(place)


def make_folders(directory: Path, handle: str) -> None:
    """Make the folders of `handle` inside `directory`, following no link that would lead out of it."""
    path = directory / handle
    for folder in reversed(path.parents[: handle.count("/")]):
        if folder.is_symlink():
            raise CorruptedModelPackageError(
                f"{folder} is a link, where the store expects a folder of its own. Remove {directory}, then try again."
            )
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
