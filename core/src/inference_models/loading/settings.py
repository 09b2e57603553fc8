"""Settings that would fail every package alike: looked at once, before any is fetched."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from inference_models.configuration import AUTO_LOADER_CACHE_EXPIRATION_MINUTES, is_offline

if TYPE_CHECKING:
    from inference_models.loading.metadata import FoundModel
    from inference_models.negotiation import Verdict


def check_settings(found: FoundModel, candidates: Sequence[Verdict]) -> None:
    """Refuse settings with which no candidate could be loaded.

    Raises:
        InvalidEnvVariable: a variable has a value that cannot be used.
        ModelRetrievalError: all candidates must be fetched, and the cache cannot be written to.
    """
    from inference_models.metadata import ModelPackageMetadata
    from inference_models.store import FileResolutionCache

    packages = [one.package for one in candidates if isinstance(one.package, ModelPackageMetadata)]
    to_fetch = [package.package_id for package in packages if package.directory is None]
    if to_fetch and isinstance(found.cache, FileResolutionCache):  # what lies here anyway is not remembered
        AUTO_LOADER_CACHE_EXPIRATION_MINUTES.get()
    if len(to_fetch) == len(packages) and not is_offline():
        _require_cache(found, to_fetch)


def _require_cache(found: FoundModel, package_ids: Sequence[str]) -> None:
    from inference_models.store.failures import storage_errors
    from inference_models.store.layout import cache_root, package_directory
    from inference_models.store.staging import make_directories

    root = cache_root()
    with storage_errors(root):
        # What is complete is used where it lies, also from a disk that cannot be written to.
        if any(package_directory(root, found.provider, found.metadata.model_id, one).exists() for one in package_ids):
            return
        make_directories(root)
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root))
