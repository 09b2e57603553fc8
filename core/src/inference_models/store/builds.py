"""Packages that were made on this machine: published whole or not at all, and found beside those of the provider.

    <root>/<model>/local-<...>/         such a package, like any other in the cache
    <root>/.builds                      another content after each of them was made

It belongs to the model that it was made from, and is trusted as far as the package that it was made from.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inference_models.download.integrity import hash_file
from inference_models.errors import CorruptedModelPackageError, InvalidParameterError, ModelRetrievalError
from inference_models.handles import check_handles
from inference_models.metadata import ModelMetadata, ModelPackageMetadata, UnreadablePackage
from inference_models.store.contents import get_model_package_contents
from inference_models.store.description import describe, rebuild_package
from inference_models.store.failures import storage_errors
from inference_models.store.inventory import StoredPackage, check_files, read_package
from inference_models.store.layout import cache_root, model_directory, refuse_foreign
from inference_models.store.locks import package_lock
from inference_models.store.manifest import Manifest, PackageIdentity, StoredFile, write_manifest
from inference_models.store.staging import (
    discard,
    keep_from_writers,
    make_directories,
    publish,
    staging_directory,
    sweep,
)

if TYPE_CHECKING:
    from inference_models.catalog import Catalog

__all__ = [
    "builds_stamp",
    "is_build",
    "note_build",
    "origin_of",
    "publish_build",
    "publish_directory",
    "staged",
    "with_local_builds",
]

logger = logging.getLogger(__name__)

PREFIX = "local-"
_STAMP = ".builds"
_BUILT = "built"


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield an empty directory beside `target`, to be filled for it; removed on the way out unless it was published.

    What a process that was killed left there is removed first.
    """
    with storage_errors(target):
        sweep(target)
        with staging_directory(target.parent, target) as staging:
            yield staging


def publish_build(
    staging: Path,
    directory: Path,
    provider: str,
    metadata: ModelMetadata,
    *,
    package: ModelPackageMetadata,
    origin: str,
) -> None:
    """Put a filled directory into the cache as a package, in the place of an earlier one.

    Args:
        staging: from `staged`.
        directory: where the package is to lie.
        provider: name of the weights provider of the model.
        metadata: the model.
        package: what is known about the new package.
        origin: what it was made from, in words.

    Raises:
        CorruptedModelPackageError: a file has a name that no package may have.
        ModelRetrievalError: the cache cannot be written to.
    """
    with storage_errors(directory):
        refuse_foreign(directory.parent.parent, directory.parent, directory)
        files = {row.handle: row for row in _rows(staging, package.package_id, origin)}
        identity = PackageIdentity(provider, metadata.model_id, package.package_id)
        write_manifest(staging, Manifest(identity, files, {**describe(metadata, package), _BUILT: origin}))
        with package_lock(directory, lambda: False):
            if directory.exists():
                discard(directory)
            if not publish(staging, directory):
                raise ModelRetrievalError(f"{directory} is being written by another process. Try again.")
        note_build(directory.parent.parent)


def publish_directory(staging: Path, output: Path) -> None:
    """Put a filled directory in the place of `output`, which must not exist or be empty.

    Raises:
        InvalidParameterError: something has appeared there.
        ModelRetrievalError: it cannot be written.
    """
    with storage_errors(output):
        for path in get_model_package_contents(staging).values():
            _flush(Path(path))
        if output.is_dir() and not any(output.iterdir()):
            output.rmdir()
        if not publish(staging, output):
            raise InvalidParameterError(f"{output} has appeared meanwhile. Name another directory.")


def with_local_builds(
    metadata: ModelMetadata, provider: str, catalog: Catalog, home: Path | None = None
) -> ModelMetadata:
    """Return a model with the packages of it that were made on this machine, beside those that its provider lists.

    Those that cannot be read are listed as unreadable. A package that the provider lists under the same id counts. A
    cache that cannot be read is as good as empty: what the provider lists may not need it.
    """
    root = home or cache_root()
    known = set(metadata.package_ids())
    try:
        with storage_errors(root):
            stored = list(_built(model_directory(root, provider, metadata.model_id)))
            found = [_examine(one, catalog) for one in stored if one.package_id not in known]
    except ModelRetrievalError as error:
        logger.warning("Packages that were made on this machine are not considered: %s", error.message)
        return metadata
    if not found:
        return metadata
    packages = [one for one in found if isinstance(one, ModelPackageMetadata)]
    unreadable = [one for one in found if isinstance(one, UnreadablePackage)]
    return evolve(
        metadata,
        model_packages=(*metadata.model_packages, *packages),
        unreadable_packages=(*metadata.unreadable_packages, *unreadable),
    )


def is_build(directory: Path) -> bool:
    """Return whether a package's directory is one that was made on this machine and lies in the cache."""
    return directory.name.startswith(PREFIX) and directory.parent.parent == cache_root()


def builds_stamp(home: Path | None = None) -> str:
    """Return what changes whenever a package is made: what was decided before did not know it."""
    try:
        return ((home or cache_root()) / _STAMP).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def note_build(root: Path) -> None:
    """Renew the stamp. Raises: OSError."""
    make_directories(root)
    with staging_directory(root) as staging:
        new = staging / _STAMP
        new.write_text(os.urandom(8).hex(), "utf-8")
        keep_from_writers(new)
        new.replace(root / _STAMP)


def origin_of(manifest: Manifest | None) -> dict[str, Any]:
    """Return the part of a manifest's description that says what the package was made from; empty: it was fetched."""
    description = (manifest.description if manifest is not None else None) or {}
    return {_BUILT: description[_BUILT]} if _BUILT in description else {}


def _built(parent: Path) -> Iterator[StoredPackage]:
    try:
        directories = sorted(path for path in parent.iterdir() if path.name.startswith(PREFIX))
    except (FileNotFoundError, NotADirectoryError):
        return
    for directory in directories:
        stored = read_package(directory)
        if stored is not None and origin_of(stored.manifest):
            yield stored


def _examine(stored: StoredPackage, catalog: Catalog) -> ModelPackageMetadata | UnreadablePackage:
    wrong = {handle: state for handle, state in check_files(stored, check_hashes=False).items() if state != "ok"}
    reason = "; ".join(f"file {handle!r} is {state}" for handle, state in wrong.items())
    if not wrong:
        try:
            return rebuild_package(stored.package_id, stored.manifest.description, stored.directory, catalog)
        except CorruptedModelPackageError as error:
            reason = error.message
    return UnreadablePackage(stored.package_id, f"{reason} (made here, in {stored.directory}); make it again")


def _rows(staging: Path, package_id: str, origin: str) -> Iterator[StoredFile]:
    from datetime import UTC, datetime

    contents = get_model_package_contents(staging)
    check_handles(contents, package_id)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for handle, name in contents.items():
        path = Path(name)
        _flush(path)
        digests = hash_file(path)
        yield StoredFile(
            handle=handle,
            sha256=digests.sha256,
            md5=digests.md5,
            size=digests.size,
            mtime_ns=path.lstat().st_mtime_ns,
            source=origin,
            fetched_at=now,
        )


def _flush(path: Path) -> None:
    """Make what is in a file survive a power cut. It may be read-only, as the copy of a read-only file is."""
    if os.name != "nt":
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return
    with suppress(PermissionError), path.open("rb+") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())
