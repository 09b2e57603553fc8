"""The weights provider `demo`: models that travel inside the wheel, so nothing is downloaded.

Each model is a directory below `packages/`, each of its packages a directory below that, in the format of a
local package directory (`model_config.json` and the files beside it).
"""

from __future__ import annotations

from pathlib import Path

from inference_models import ModelNotFoundError
from inference_models.developer_tools import ModelMetadata, read_package_directory

_PACKAGES = Path(__file__).parent / "packages"
_CONFIG_FILE = "model_config.json"


def list_models() -> list[str]:
    """Return the ids of the models in this distribution."""
    return sorted({path.parent.parent.name for path in _PACKAGES.glob(f"*/*/{_CONFIG_FILE}")})


def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
    """Return a model's metadata.

    Args:
        model_id: for example "shapes".
        api_key: not used: these models are public.

    Raises:
        ModelNotFoundError: this distribution holds no such model.
    """
    if model_id not in list_models():
        raise ModelNotFoundError(f"The demo provider has no model {model_id!r}.")
    directories = sorted(path.parent for path in (_PACKAGES / model_id).glob(f"*/{_CONFIG_FILE}"))
    models = [read_package_directory(directory) for directory in directories]
    return ModelMetadata(
        model_id=model_id,
        model_architecture=models[0].model_architecture,
        task_type=models[0].task_type,
        model_packages=[package for model in models for package in model.model_packages],
    )
