"""Models as the cache knows them, for when there is no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from inference_models.errors import CorruptedModelPackageError, ModelNotFoundError
from inference_models.metadata import ModelMetadata, ModelPackageMetadata, UnreadablePackage
from inference_models.store.description import rebuild_model, rebuild_package
from inference_models.store.inventory import FileState, StoredPackage, check_files, find_packages, list_packages
from inference_models.store.layout import refuse_foreign
from inference_models.store.permission import refuse_stored

if TYPE_CHECKING:
    from inference_models.catalog import Catalog

__all__ = [
    "OfflineArtefactStatus",
    "OfflineArtefactVerification",
    "OfflineModelStatus",
    "OfflinePackagePresence",
    "OfflinePackageStatus",
    "list_offline_models",
    "offline_metadata",
    "verify_offline_model",
]


class OfflinePackagePresence(StrEnum):
    """How much of a package is on disk."""

    OK = "ok"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    MALFORMED = "malformed"


class OfflineArtefactStatus(StrEnum):
    """What became of a file on disk."""

    OK = "ok"
    MISSING = "missing"
    HASH_MISMATCH = "hash-mismatch"
    UNREADABLE = "unreadable"


@frozen
class OfflinePackageStatus:
    """A package in the cache.

    Attributes:
        package_id: unique within the model.
        trusted_source: whether its provider vouches for it; None when that was not recorded.
        presence: whether it can be loaded without a network.
        missing_files: names of files that are not there, or not as they were.
    """

    package_id: str
    trusted_source: bool | None
    presence: OfflinePackagePresence
    missing_files: list[str]


@frozen
class OfflineModelStatus:
    """A model in the cache.

    Attributes:
        canonical_model_id: as its provider knows it.
        requested_aliases: other ids under which it was loaded.
        source: the weights provider that it came from.
        recorded_at: when the newest of its files was fetched; None when that cannot be read.
        packages: those of its packages that are in the cache.
    """

    canonical_model_id: str
    requested_aliases: list[str]
    source: str
    recorded_at: datetime | None
    packages: list[OfflinePackageStatus]


@frozen
class OfflineArtefactVerification:
    """What became of one file of a model in the cache.

    Attributes:
        canonical_model_id: the model, as its provider knows it.
        package_id: the package.
        file_handle: the file's name in the package.
        status: what became of it.
    """

    canonical_model_id: str
    package_id: str
    file_handle: str
    status: OfflineArtefactStatus


_STATUSES: Mapping[FileState, OfflineArtefactStatus] = {
    "ok": OfflineArtefactStatus.OK,
    "missing": OfflineArtefactStatus.MISSING,
    "changed": OfflineArtefactStatus.HASH_MISMATCH,
    "unreadable": OfflineArtefactStatus.UNREADABLE,
}


def list_offline_models(home: Path | None = None, catalog: Catalog | None = None) -> list[OfflineModelStatus]:
    """Return the models in the cache and whether their packages are complete. No network, no hashing of what is as old.

    Args:
        home: root of the cache. None: as configured.
        catalog: what the installed plugins declare. None: look.

    Raises:
        ModelRetrievalError: the cache cannot be read.
    """
    catalog = catalog or _current_catalog()
    groups = groupby(list_packages(home), key=lambda package: package.model)
    return [_model_status(list(packages), catalog) for _, packages in groups]


def verify_offline_model(
    model_id: str, check_hashes: bool = False, home: Path | None = None
) -> list[OfflineArtefactVerification]:
    """Return the state of each file of a model in the cache.

    Args:
        model_id: `provider://id`, or an id of the default provider; also one by which it was loaded before.
        check_hashes: read every byte. False: only look whether each file is there and was not touched.
        home: root of the cache. None: as configured.

    Raises:
        ModelNotFoundError: the cache has no such model.
    """
    return [
        OfflineArtefactVerification(package.manifest.identity.model_id, package.package_id, handle, _STATUSES[state])
        for package in find_packages(model_id, home)
        for handle, state in check_files(package, check_hashes=check_hashes).items()
    ]


def offline_metadata(
    provider: str,
    model_id: str,
    home: Path | None = None,
    catalog: Catalog | None = None,
    package_id: str | None = None,
) -> ModelMetadata | None:
    """Return a model as the cache knows it, or None when it has nothing of it.

    Packages that are complete carry their directory. Others, and those about which too little is known, are listed as
    unreadable with the reason.

    Args:
        provider: name of the weights provider that it came from.
        model_id: its own id, or one by which it was loaded before.
        home: root of the cache. None: as configured.
        catalog: what the installed plugins declare. None: look.
        package_id: only this package is looked at. None: all.

    Raises:
        ModelRetrievalError: the cache cannot be read, or belongs to another user.
    """
    try:
        stored = find_packages(f"{provider}://{model_id}", home, package_id)
    except ModelNotFoundError:
        return None
    catalog = catalog or _current_catalog()
    packages: list[ModelPackageMetadata] = []
    unreadable: list[UnreadablePackage] = []
    for one in stored:
        refuse_foreign(one.directory.parent, one.directory)
        package, reason = _examine(one, catalog)
        if package is not None:
            packages.append(package)
        else:
            unreadable.append(UnreadablePackage(one.package_id, f"{reason} (in {one.directory})"))
    # What was said last about the model counts.
    for one in sorted(stored, key=lambda package: package.fetched_at, reverse=True):
        if one.manifest.description is not None:
            with suppress(CorruptedModelPackageError):  # then its package is listed as unreadable
                return rebuild_model(
                    one.manifest.identity.model_id,
                    one.manifest.description,
                    tuple(packages),
                    unreadable_packages=tuple(unreadable),
                )
    return None


def _examine(stored: StoredPackage, catalog: Catalog) -> tuple[ModelPackageMetadata | None, str]:
    """Return the package if it can be loaded, else None and the reason."""
    wrong = {handle: state for handle, state in check_files(stored, check_hashes=False).items() if state != "ok"}
    if wrong:
        return None, "; ".join(f"file {handle!r} is {state}" for handle, state in wrong.items())
    if (refusal := refuse_stored(stored)) is not None:
        return None, refusal
    try:
        return rebuild_package(stored.package_id, stored.manifest.description, stored.directory, catalog), ""
    except CorruptedModelPackageError as error:
        return None, error.message


def _model_status(packages: list[StoredPackage], catalog: Catalog) -> OfflineModelStatus:
    identity = packages[0].manifest.identity
    return OfflineModelStatus(
        canonical_model_id=identity.model_id,
        requested_aliases=sorted({alias for package in packages for alias in package.manifest.aliases}),
        source=identity.provider,
        recorded_at=_newest(packages),
        packages=[_package_status(package, catalog) for package in packages],
    )


def _package_status(stored: StoredPackage, catalog: Catalog) -> OfflinePackageStatus:
    states = check_files(stored, check_hashes=False)
    missing = [handle for handle, state in states.items() if state != "ok"]
    package = None if missing else _examine(stored, catalog)[0]
    if missing:
        presence = OfflinePackagePresence.INCOMPLETE
        if all(state == "missing" for state in states.values()):
            presence = OfflinePackagePresence.MISSING
    else:
        presence = OfflinePackagePresence.MALFORMED if package is None else OfflinePackagePresence.OK
    return OfflinePackageStatus(
        stored.package_id, None if package is None else package.trusted_source, presence, missing
    )


def _newest(packages: Iterable[StoredPackage]) -> datetime | None:
    try:
        return datetime.fromisoformat(max(package.fetched_at for package in packages))
    except ValueError:
        return None


def _current_catalog() -> Catalog:
    from inference_models.catalog import current_catalog

    return current_catalog()
