"""Training checkpoints: a single file on this machine, and the user's word for what it is (`model_type=`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference_models.errors import InvalidParameterError, describe_choices

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelMetadata


def checkpoint_metadata(path: Path, model_type: object, catalog: Catalog) -> ModelMetadata:
    """Return a model with one package for each backend that loads the file. Nothing is read.

    Args:
        path: the file. The user named it, so it is trusted.
        model_type: what the user says that it is; None when they do not.
        catalog: says which types plugins load.

    Raises:
        InvalidParameterError: the type is missing, or no plugin loads it. The message names those that can be loaded.
        PluginConflictError: several plugins load it.
    """
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata

    known = catalog.checkpoint_types()
    listed = f"Those that can be loaded: {', '.join(known)}." if known else "No installed plugin loads checkpoints."
    if not isinstance(model_type, str):
        raise InvalidParameterError(
            f"{path} is a single file. To load a training checkpoint, say what it is: "
            f"AutoModel.from_pretrained(path, model_type=...), got {model_type!r}. {listed} To load a model package, "
            f"name its directory."
        )
    row = catalog.checkpoint(model_type)
    if row is None:
        from inference_models.catalog import install_hint

        raise InvalidParameterError(
            f"No installed plugin loads checkpoints of model_type={model_type!r}. "
            f"{describe_choices(model_type, known)}{install_hint('checkpoints', model_type)}{catalog.problem_notes()}"
        )
    return ModelMetadata(
        model_id=str(path),
        model_architecture=row.spec.architectures[0],
        task_type=row.spec.task_type,
        model_packages=[
            ModelPackageMetadata(package_id=path.name, backend=backend, trusted_source=True, directory=path)
            for backend in catalog.backends_of(row.spec)
        ],
    )
