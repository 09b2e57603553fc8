"""The package that a remembered decision names, as it lies on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference_models.errors import CorruptedModelPackageError, ModelRetrievalError
from inference_models.store.description import rebuild_model, rebuild_package
from inference_models.store.inventory import check_files, read_package
from inference_models.store.layout import cache_root, package_directory
from inference_models.store.permission import refuse_stored
from inference_models.store.resolutions import Resolution

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelMetadata

__all__ = ["remembered_metadata"]


def remembered_metadata(resolution: Resolution, catalog: Catalog, home: Path | None = None) -> ModelMetadata | None:
    """Return the model with the one package that was chosen, in its directory; None when it is not as it was.

    Args:
        resolution: what was decided.
        catalog: what the installed plugins declare.
        home: root of the cache. None: as configured.
    """
    root = home or cache_root()
    directory = package_directory(root, resolution.provider, resolution.model_id, resolution.package_id)
    try:
        stored = read_package(directory)
        if stored is None or stored.manifest.description is None or refuse_stored(stored) is not None:
            return None
        if any(state != "ok" for state in check_files(stored, check_hashes=False).values()):
            return None
        description = stored.manifest.description
        package = rebuild_package(stored.package_id, description, stored.directory, catalog)
        return rebuild_model(resolution.model_id, description, (package,))
    except (CorruptedModelPackageError, ModelRetrievalError, OSError):
        return None
