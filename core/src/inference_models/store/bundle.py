"""Bundles: models in a plain directory, for a machine without a network.

<bundle>/bundle.json       what is in it, with the SHA-256 of every file
<bundle>/files/<sha256>    the files, named by what they are, so no name in the bundle is ever a path
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inference_models.download.integrity import FileDigests, Hasher, hash_file
from inference_models.errors import CorruptedModelPackageError, FileHashSumMismatch, InvalidParameterError
from inference_models.handles import check_handles
from inference_models.store.aliases import take_alias
from inference_models.store.builds import note_build, origin_of
from inference_models.store.contents import get_model_package_contents
from inference_models.store.copying import copy_plain, open_plain
from inference_models.store.description import describe
from inference_models.store.failures import reading_errors, storage_errors
from inference_models.store.filling import install, make_folders, remove_dropped
from inference_models.store.layout import MANIFEST_NAME, cache_root, package_directory, refuse_foreign
from inference_models.store.locks import package_lock
from inference_models.store.manifest import (
    Manifest,
    PackageIdentity,
    StoredFile,
    parse_manifest,
    read_manifest,
    to_document,
    write_manifest,
)
from inference_models.store.staging import publish, staging_directory

if TYPE_CHECKING:
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata

__all__ = ["BundleSource", "export_bundle", "import_bundle"]

INDEX_NAME = "bundle.json"
_FILES = "files"
_FORMAT_VERSION = 1
_LARGEST_INDEX = 64 << 20
_SHA256_DIGITS = 64
_RESTORE = "Restore the package, then export it again."
_COPY_AGAIN = "Copy the bundle again."


@frozen
class BundleSource:
    """A package that is to go into a bundle.

    Attributes:
        provider: name of the weights provider that stated it.
        metadata: the model.
        package: one of its packages.
        directory: where its files lie, verified, as `materialise` returns it.
        requested_id: the id by which the user asked for the model, if it is another than the model's own.
    """

    provider: str
    metadata: ModelMetadata
    package: ModelPackageMetadata
    directory: Path
    requested_id: str | None = None


def export_bundle(sources: Sequence[BundleSource], target: Path) -> str:
    """Write packages into a new directory, whole or not at all.

    Args:
        sources: the packages.
        target: must not exist, or be empty.

    Returns:
        The SHA-256 of the bundle's index, which names every file by its own: who knows it can tell on the other
        machine that the bundle is this one.

    Raises:
        InvalidParameterError: `target` is not empty.
        CorruptedModelPackageError: a file's name is refused.
        ModelRetrievalError: the directory cannot be written, or a file of a package cannot be read.
    """
    target = target.absolute()
    with storage_errors(target):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InvalidParameterError(f"{target} exists and is not an empty directory. Name another one.")
        with staging_directory(target.parent) as staging:
            (staging / _FILES).mkdir()
            manifests = [_export(source, staging / _FILES) for source in sources]
            document = {"format_version": _FORMAT_VERSION, "packages": [to_document(one) for one in manifests]}
            text = json.dumps(document, indent=1).encode()
            _write(staging / INDEX_NAME, text)
            if target.exists():
                target.rmdir()
            if not publish(staging, target):
                raise InvalidParameterError(f"{target} has appeared meanwhile. Name another directory.")
    hasher = Hasher()
    hasher.update(text)
    return hasher.digests().sha256


def import_bundle(bundle: Path, home: Path | None = None, digest: str | None = None) -> list[tuple[Manifest, Path]]:
    """Put the packages of a bundle into the cache. Every file is verified before the first package is put there.

    Args:
        bundle: a directory that `export_bundle` wrote.
        home: root of the cache. None: as configured.
        digest: what `export_bundle` returned; None: trust the bundle to be the right one.

    Returns:
        What was imported, and where each package lies.

    Raises:
        CorruptedModelPackageError: it is not a bundle, or it is malformed.
        FileHashSumMismatch: a file, or the index, is not what it should be.
        ModelRetrievalError: the cache cannot be written to, or a file of the bundle cannot be read.
    """
    root = home or cache_root()
    manifests = _read_index(bundle.absolute(), digest)
    with storage_errors(root), _without_empty_folders(root, manifests), ExitStack() as stack:
        filled = []
        for manifest in manifests:
            directory = _place(root, manifest.identity)
            refuse_foreign(root, directory.parent, directory)
            staging = stack.enter_context(staging_directory(directory.parent))
            filled.append((_fill(bundle.absolute() / _FILES, manifest, staging), staging, directory))
        for manifest, staging, directory in filled:
            with package_lock(directory, lambda: False):
                _put(manifest, staging, directory)
        # If the bundle has a name twice, it means what was fetched last by it.
        for manifest in sorted(manifests, key=lambda one: one.fetched_at, reverse=True):
            for alias in manifest.aliases:
                take_alias(root, manifest.identity, alias)
        if any(map(origin_of, manifests)):
            note_build(root)
    return [(manifest, directory) for manifest, _, directory in filled]


def _export(source: BundleSource, files: Path) -> Manifest:
    contents = get_model_package_contents(source.directory)
    check_handles(contents, source.package.package_id)
    recorded = read_manifest(source.directory)
    origins = recorded.files if recorded is not None else {}
    aliases = set(recorded.aliases if recorded is not None else ())
    if source.requested_id not in {None, source.metadata.model_id}:
        aliases.add(str(source.requested_id))
    rows = {}
    for handle, path in contents.items():
        with reading_errors(Path(path), _RESTORE):
            digests = hash_file(Path(path))
        known = origins.get(handle)
        if known is not None and known.sha256 != digests.sha256:
            raise FileHashSumMismatch(
                f"{path} is not what was fetched: expected SHA-256 {known.sha256}, got {digests.sha256}. Remove the "
                f"package (im cache remove), then try again."
            )
        if not (files / digests.sha256).exists():
            copy_plain(Path(path), files / digests.sha256, digests.sha256, _RESTORE)
        rows[handle] = _row(handle, digests, known)
    identity = PackageIdentity(source.provider, source.metadata.model_id, source.package.package_id)
    description = {**describe(source.metadata, source.package), **origin_of(recorded)}
    return Manifest(identity, rows, description, tuple(sorted(aliases)))


def _row(handle: str, digests: FileDigests, known: StoredFile | None) -> StoredFile:
    return StoredFile(
        handle=handle,
        sha256=digests.sha256,
        md5=digests.md5,
        size=digests.size,
        mtime_ns=0,
        source=known.source if known is not None else "bundle",
        fetched_at=known.fetched_at if known is not None else "",
    )


def _read_index(bundle: Path, digest: str | None) -> list[Manifest]:
    path = bundle / INDEX_NAME
    try:
        with open_plain(path, _COPY_AGAIN) as file:
            text = file.read(_LARGEST_INDEX + 1)
        if len(text) > _LARGEST_INDEX:
            raise ValueError("it is too large")
    except (OSError, ValueError) as error:
        raise CorruptedModelPackageError(f"{bundle} is not a bundle of models: {INDEX_NAME}: {error}.") from error
    hasher = Hasher()
    hasher.update(text)
    if digest is not None and hasher.digests().sha256 != digest.strip().lower():
        raise FileHashSumMismatch(
            f"{path} has the SHA-256 {hasher.digests().sha256}, not {digest[:80]}: this is another bundle, or it was "
            f"changed. Export and copy it again."
        )
    try:
        document = json.loads(text)
        if document["format_version"] != _FORMAT_VERSION:
            raise ValueError(f"format {document['format_version']!r} is not known to this version")
        manifests = [parse_manifest(row) for row in document["packages"]]
        _check(manifests)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptedModelPackageError(
            f"{path} cannot be used ({type(error).__name__}: {error}). Export the bundle again."
        ) from error
    return manifests


def _check(manifests: Iterable[Manifest]) -> None:
    """Refuse what the export never writes. Raises: ValueError."""
    places = set()
    for manifest in manifests:
        place = _place(Path("/"), manifest.identity)
        if place in places:
            raise ValueError(f"package {manifest.identity.package_id!r} is in it twice")
        places.add(place)
        for file in manifest.files.values():
            if len(file.sha256) != _SHA256_DIGITS or not set(file.sha256) <= set("0123456789abcdef"):
                raise ValueError(f"{file.sha256[:80]!r} is not a SHA-256")


def _place(root: Path, identity: PackageIdentity) -> Path:
    return package_directory(root, identity.provider, identity.model_id, identity.package_id)


@contextmanager
def _without_empty_folders(root: Path, manifests: Iterable[Manifest]) -> Iterator[None]:
    """Remove the models' directories again when nothing was put into them."""
    try:
        yield
    except BaseException:
        for manifest in manifests:
            with suppress(OSError):  # not empty, or never made
                _place(root, manifest.identity).parent.rmdir()
        raise


def _fill(files: Path, manifest: Manifest, staging: Path) -> Manifest:
    """Copy the files of a package into `staging`, verified, and return its manifest with their stamps."""
    rows = {}
    for handle, file in manifest.files.items():
        make_folders(staging, handle)
        path = staging / handle
        md5 = copy_plain(files / file.sha256, path, file.sha256, _COPY_AGAIN).md5
        status = path.lstat()
        rows[handle] = evolve(file, md5=md5, size=status.st_size, mtime_ns=status.st_mtime_ns)
    manifest = evolve(manifest, files=rows)
    write_manifest(staging, manifest)
    return manifest


def _put(manifest: Manifest, staging: Path, directory: Path) -> None:
    if not directory.exists() and publish(staging, directory):
        return
    recorded = read_manifest(directory)
    if recorded is not None:
        remove_dropped(directory, set(recorded.files) - set(manifest.files))
    install(staging, directory, [*manifest.files, MANIFEST_NAME])


def _write(path: Path, text: bytes) -> None:
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
