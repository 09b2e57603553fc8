"""What lies in the cache: listed, verified, removed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypeVar

from attrs import frozen

from inference_models.distributions import canonical_name
from inference_models.download.integrity import hash_file
from inference_models.entities import DEFAULT_PROVIDER
from inference_models.errors import InvalidParameterError, ModelNotFoundError, ModelRetrievalError
from inference_models.store.failures import storage_errors
from inference_models.store.grants import forget_grants
from inference_models.store.layout import cache_root, model_directory, package_directory, refuse_foreign
from inference_models.store.locks import is_locked, try_package_lock
from inference_models.store.manifest import Manifest, StoredFile, read_manifest
from inference_models.store.staging import discard, sweep
from inference_models.store.usage import last_use

__all__ = [
    "FileState",
    "StoredPackage",
    "check_files",
    "find_packages",
    "least_recently_used",
    "list_packages",
    "read_package",
    "remove_package",
]

FileState: TypeAlias = Literal["ok", "missing", "changed", "unreadable"]


@frozen
class StoredPackage:
    """A package in the cache.

    Attributes:
        directory: where it lies.
        manifest: what it is and which files it has.
        last_used: when a load last used it, to the day.
    """

    directory: Path
    manifest: Manifest
    last_used: datetime

    @property
    def model(self) -> str:
        """The model as users write it: an id of the default provider bare, others as `provider://id`."""
        identity = self.manifest.identity
        if identity.provider == DEFAULT_PROVIDER:
            return identity.model_id
        return f"{identity.provider}://{identity.model_id}"

    @property
    def package_id(self) -> str:
        """The id of the package, unique within its model."""
        return self.manifest.identity.package_id

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """What its files should be."""
        return tuple(self.manifest.files.values())

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def fetched_at(self) -> str:
        """When its newest file came, as ISO 8601 has it; empty when it has no files."""
        return self.manifest.fetched_at


def list_packages(home: Path | None = None) -> list[StoredPackage]:
    """Return the packages in the cache, sorted by model and package id.

    Args:
        home: root of the cache. None: as configured.

    Raises:
        ModelRetrievalError: the cache cannot be read, or belongs to another user.
    """
    root = home or cache_root()
    with storage_errors(root):
        refuse_foreign(root)
        packages = [package for directory in _directories(root) for package in _read(directory)]
    return sorted(packages, key=lambda package: (package.model, package.package_id))


def find_packages(model: str, home: Path | None = None, package_id: str | None = None) -> list[StoredPackage]:
    """Return the stored packages of a model, or the one with an id.

    Args:
        model: as users write it: its own id or one by which it was loaded before, with `provider://` before it
            unless the provider is the default one.
        home: root of the cache. None: as configured.
        package_id: only this package. None: all.

    Raises:
        ModelNotFoundError: the cache has none.
        InvalidParameterError: `model` is not text.
    """
    if not isinstance(model, str):
        raise InvalidParameterError(f"A model in the cache is named by a string, not {model!r}.")
    provider, separator, model_id = model.partition("://")
    if not separator:
        provider, model_id = DEFAULT_PROVIDER, model
    provider = canonical_name(provider)
    root = home or cache_root()
    with storage_errors(root):
        refuse_foreign(root)
        if found := _of_model(root, provider, model_id, package_id):
            return found
    # Its own id says where it lies; only for another one the whole cache is looked through.
    stored = list_packages(home)
    # Only one model should have the alias, see `aliases`. In a cache that could not be written to, several may.
    for one in sorted(stored, key=lambda package: package.fetched_at, reverse=True):
        identity = one.manifest.identity
        if canonical_name(identity.provider) == provider and model_id in one.manifest.aliases:
            with storage_errors(root):
                if found := _of_model(root, provider, identity.model_id, package_id):
                    return found
    known = ", ".join(sorted({package.model for package in stored})) or "nothing"
    raise ModelNotFoundError(f"The cache {root} has no model {model!r}. It has: {known}.")


def read_package(directory: Path) -> StoredPackage | None:
    """Return the package in a directory of the cache; None when there is none, or it is not the one for that place.

    Raises:
        ModelRetrievalError: the directory belongs to another user.
        OSError: it cannot be read.
    """
    refuse_foreign(directory.parent.parent, directory.parent, directory)
    return next(_read(directory), None)


def check_files(package: StoredPackage, *, check_hashes: bool = True) -> dict[str, FileState]:
    """Return the state of each file of a package, by handle.

    A file that turns out to be another one although its size and time are as they were gets a new time, so that the
    next load notices, too.

    Args:
        package: from `list_packages`.
        check_hashes: read every byte. False: only look whether each file is there and as long as it was.
    """
    return {file.handle: _state(package.directory, file, check_hashes) for file in package.files}


def remove_package(package: StoredPackage) -> None:
    """Remove a package from the cache. A model that has it open keeps running where the system allows that.

    Raises:
        ModelRetrievalError: another process is fetching it, or the cache cannot be written to.
    """
    with storage_errors(package.directory), try_package_lock(package.directory) as free:
        if not free:
            raise ModelRetrievalError(
                f"Package {package.package_id!r} of {package.model!r} is being fetched by another process right now. "
                f"Try again when that is done."
            )
        refuse_foreign(package.directory.parent)
        with suppress(FileNotFoundError):  # somebody else has removed it
            discard(package.directory)
        sweep(package.directory)
    with suppress(OSError):  # the model has other packages
        package.directory.parent.rmdir()
        identity = package.manifest.identity
        forget_grants(identity.provider, identity.model_id, package.directory.parent.parent)


class Stored(Protocol):
    """Something in the cache that can be removed by itself."""

    @property
    def directory(self) -> Path:
        """Where it lies."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def last_used(self) -> datetime:
        """When it was last used."""


StoredT = TypeVar("StoredT", bound=Stored)


def least_recently_used(stored: Iterable[StoredT], max_size: int) -> list[StoredT]:
    """Return what must go so that the rest is at most `max_size` bytes; what was not used for longest first.

    Packages that are being fetched right now stay.
    """
    oldest_first = sorted(stored, key=lambda one: (one.last_used, one.directory))
    total = sum(one.size for one in oldest_first)
    unwanted = []
    for one in oldest_first:
        if total <= max_size:
            break
        if not is_locked(one.directory):
            unwanted.append(one)
            total -= one.size
    return unwanted


def _of_model(root: Path, provider: str, model_id: str, package_id: str | None) -> list[StoredPackage]:
    if package_id is not None:
        places = [package_directory(root, provider, model_id, package_id)]
    else:
        places = _folders(model_directory(root, provider, model_id))
    return sorted((one for path in places for one in _read(path)), key=lambda package: package.package_id)


def _directories(root: Path) -> Iterator[Path]:
    for model in _folders(root):
        yield from _folders(model)


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            # Names with a dot are the store's own; a link leads out of the cache.
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(directory: Path) -> Iterator[StoredPackage]:
    with suppress(FileNotFoundError):  # removed while we look
        manifest = read_manifest(directory)
        if manifest is not None and _place(directory, manifest) == directory:
            yield StoredPackage(directory, manifest, last_use(directory))


def _place(directory: Path, manifest: Manifest) -> Path:
    """Return where the package that the manifest names belongs: a copy under another name is not that package."""
    identity = manifest.identity
    root = directory.parent.parent
    return package_directory(root, identity.provider, identity.model_id, identity.package_id)


def _state(directory: Path, file: StoredFile, check_hashes: bool) -> FileState:
    path = directory / file.handle
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return "changed"
        if status.st_size != file.size:
            return "changed"
        # Without a look at every byte, a new time is reason enough for one.
        if (check_hashes or status.st_mtime_ns != file.mtime_ns) and hash_file(path).sha256 != file.sha256:
            if status.st_mtime_ns == file.mtime_ns:
                with suppress(OSError):  # with a new time no load trusts it any more
                    os.utime(path)
            return "changed"
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "unreadable"
    return "ok"
