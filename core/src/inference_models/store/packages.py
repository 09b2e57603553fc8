"""A package as a directory of verified files: found, fetched or repaired."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from inference_models.configuration import OFFLINE, is_offline
from inference_models.entities import PACKAGE_CONFIG_NAME
from inference_models.errors import (
    BaseInferenceModelsError,
    CorruptedModelPackageError,
    ModelRetrievalError,
    OfflineModeError,
)
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store.checking import requested_files, stored_file, use_in_place
from inference_models.store.description import describe, local_config
from inference_models.store.failures import storage_errors
from inference_models.store.filling import fetch_into, install, remove_dropped, remove_strangers, replace_manifest
from inference_models.store.layout import MANIFEST_NAME, cache_root, package_directory, refuse_foreign
from inference_models.store.locks import package_lock
from inference_models.store.manifest import Manifest, PackageIdentity, read_manifest, write_manifest
from inference_models.store.staging import publish, sweep, unfinished_directory
from inference_models.store.usage import record_use

if TYPE_CHECKING:
    from inference_models.download.progress import ProgressSink

__all__ = ["materialise"]

logger = logging.getLogger(__name__)

# Others may remove or exchange files while we look. Who loses three times in a row is told, not kept in a loop.
_ATTEMPTS = 3
# What was fetched until then is kept for whoever goes on; after other failures nothing is.
_RESUMABLE = (KeyboardInterrupt, SystemExit, ModelRetrievalError)


def materialise(
    metadata: ModelMetadata,
    package: ModelPackageMetadata,
    provider: str,
    *,
    home: Path | None = None,
    allow_files_without_hash: bool = False,
    progress: ProgressSink | None = None,
    on_file_created: Callable[[Path], object] | None = None,
    requested_id: str | None = None,
) -> Path:
    """Return a directory that holds the package's files, each one verified.

    Files that are already stored are recognised by size and modification time; one whose stamp changed is hashed
    again; one that is missing or wrong is fetched. Nothing is written when all is in place, except that once a day the
    package is marked as used. Of several processes that want the same package one fetches it and the others wait.

    Args:
        metadata: the model.
        package: one of its packages. With a `directory`, that is used in place and never written to.
        provider: name of the weights provider that stated both.
        home: root of the cache. None: as configured.
        allow_files_without_hash: fetch files for which the provider states neither MD5 sum nor SHA-256, too.
        progress: is told how far the download is, and whom it waits for.
        on_file_created: called with the path of each file that was fetched, once it is in its place.
        requested_id: the id by which the user asked for the model; by it too the model is found without a network.

    Raises:
        UntrustedFileError: a file has no hash.
        CorruptedModelPackageError: a file's name is refused, or the package's own `directory` is incomplete.
        FileHashSumMismatch: a file is not the one that was promised.
        OfflineModeError: a file must be fetched and the network is switched off.
        ModelRetrievalError: a file cannot be fetched, or the cache cannot be used.
    """
    files = requested_files(package, allow_files_without_hash)
    if package.directory is not None:
        in_place = use_in_place(package.directory, files, package.package_id)
        record_use(in_place)  # it may be a directory of the cache, as without a network
        return in_place
    directory = package_directory(home or cache_root(), provider, metadata.model_id, package.package_id)
    wanted = _Wanted(
        directory=directory,
        identity=PackageIdentity(provider, metadata.model_id, package.package_id),
        files=files,
        description=describe(metadata, package),
        requested_id=requested_id,
        progress=progress,
        on_file_created=on_file_created or (lambda _path: None),
    )
    with storage_errors(directory):
        refuse_foreign(directory.parent.parent, directory.parent, directory)
        gained: set[str] = set()
        for _ in range(_ATTEMPTS):
            content = _inspect(wanted)
            gained |= content.gained
            if not content.missing:
                _refresh(wanted, content)
                if gained:
                    from inference_models.store.aliases import take_alias  # lists the cache, which no other load does

                    for alias in gained:
                        take_alias(directory.parent.parent, wanted.identity, alias)
                record_use(directory)
                sweep(directory)
                return directory
            if is_offline():
                raise _offline_error(wanted, content)
            with package_lock(directory, content.is_outdated, progress) as ours:
                # Whoever waited finds the work done.
                if ours and (content := _inspect(wanted)).missing:
                    _complete(wanted, content)
    raise ModelRetrievalError(
        f"Model package {package.package_id!r} in {directory} is being changed by another program. Stop it, then try "
        f"again."
    )


@frozen(kw_only=True)
class _Wanted:
    """What a package directory should hold."""

    directory: Path
    identity: PackageIdentity
    files: tuple[FileDownloadSpecs, ...]
    description: dict[str, Any]
    requested_id: str | None
    progress: ProgressSink | None
    on_file_created: Callable[[Path], object]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The id that was asked for, if it is another than the model's own; one at most."""
        return () if self.requested_id in {None, self.identity.model_id} else (str(self.requested_id),)


@frozen
class _Content:
    """What a package directory holds of what was asked for."""

    recorded: Manifest | None
    current: Manifest
    missing: tuple[FileDownloadSpecs, ...]
    is_outdated: Callable[[], bool] = field(eq=False)

    @property
    def gained(self) -> set[str]:
        """Aliases that are not recorded yet. Only for these the rest of the cache is looked through."""
        return set(self.current.aliases).difference(() if self.recorded is None else self.recorded.aliases)


def _inspect(wanted: _Wanted) -> _Content:
    directory, identity = wanted.directory, wanted.identity
    stamp = _stamp(directory)
    recorded = read_manifest(directory)
    if recorded is not None and recorded.identity != identity:
        raise CorruptedModelPackageError(
            f"{directory} should hold package {identity.package_id!r} of model {identity.model_id!r}, but its manifest "
            f"says {recorded.identity.package_id!r} of {recorded.identity.model_id!r}. Remove the directory, then try "
            f"again."
        )
    records = recorded.files if recorded is not None else {}
    found = {file.file_handle: stored_file(directory, file, records.get(file.file_handle)) for file in wanted.files}
    aliases = {*(recorded.aliases if recorded is not None else ()), *wanted.aliases}
    return _Content(
        recorded=recorded,
        current=Manifest(
            identity,
            {handle: record for handle, record in found.items() if record is not None},
            wanted.description,
            tuple(sorted(aliases)),
        ),
        missing=tuple(file for file in wanted.files if found[file.file_handle] is None),
        is_outdated=lambda: _stamp(directory) != stamp,
    )


def _offline_error(wanted: _Wanted, content: _Content) -> OfflineModeError:
    missing = ", ".join(repr(file.file_handle) for file in content.missing)
    identity = wanted.identity
    return OfflineModeError(
        f"Package {identity.package_id!r} of model {identity.model_id!r} is not complete in {wanted.directory}: "
        f"{missing} must be fetched, and {OFFLINE.name} has switched the network off. Run `im download` with the "
        f"network on, or `im bundle import` a bundle that holds the model."
    )


def _stamp(directory: Path) -> tuple[int, int] | None:
    """Return what changes whenever a manifest is replaced, and only then: recording a use changes its time."""
    try:
        status = (directory / MANIFEST_NAME).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size


def _refresh(wanted: _Wanted, content: _Content) -> None:
    """Record what has become of a complete package, and remove the files that its provider has withdrawn."""
    if content.recorded == content.current:
        return
    # A read-only cache is served all the same: the files are right, only the next load hashes them again.
    with suppress(OSError):
        if not _dropped(content):
            replace_manifest(wanted.directory, content.current)
            return
        with package_lock(wanted.directory, content.is_outdated, wanted.progress) as ours:
            # Whoever waited finds the work done, or another package than the one that was looked at.
            if ours and not (content := _inspect(wanted)).missing:
                remove_dropped(wanted.directory, _dropped(content))
                replace_manifest(wanted.directory, content.current)


def _dropped(content: _Content) -> set[str]:
    return set() if content.recorded is None else set(content.recorded.files) - set(content.current.files)


def _complete(wanted: _Wanted, content: _Content) -> None:
    """Fetch what is missing and publish it: the whole directory at once, or file by file into one that exists."""
    with unfinished_directory(wanted.directory, keep_on=_RESUMABLE) as staging:
        try:
            fetched = _fill(wanted, content, staging)
        except (OSError, BaseInferenceModelsError) as error:
            if staging.is_dir():
                raise
            # This process was stopped for so long that another one has taken the work over.
            logger.info("Another process has taken over %s: %s", staging, error)
            return
        for handle in fetched:
            wanted.on_file_created(wanted.directory / handle)


def _fill(wanted: _Wanted, content: _Content, staging: Path) -> Sequence[str]:
    """Return the handles of the files that were put in their place."""
    directory = wanted.directory
    is_new = not directory.exists()
    fetched = fetch_into(staging, content.missing, wanted.progress)
    known = {**content.current.files, **fetched}
    manifest = evolve(content.current, files={file.file_handle: known[file.file_handle] for file in wanted.files})
    remove_strangers(staging, fetched)
    write_manifest(staging, manifest)
    own = [MANIFEST_NAME]
    if PACKAGE_CONFIG_NAME not in manifest.files:
        # Nothing here needs it. It lets the directory be loaded by its path, copied to another machine for example.
        text = json.dumps(local_config(wanted.description), indent=2)
        (staging / PACKAGE_CONFIG_NAME).write_text(f"{text}\n", "utf-8")
        own.insert(0, PACKAGE_CONFIG_NAME)
    if is_new:
        # Another process may be faster. What it published is inspected next, and most likely serves.
        return list(fetched) if publish(staging, directory) else []
    if content.recorded is not None:
        remove_dropped(directory, set(content.recorded.files) - set(manifest.files))
    install(staging, directory, [*fetched, *own])
    return list(fetched)
