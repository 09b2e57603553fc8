"""The weights provider `demo`: models that travel inside the wheel, so nothing is downloaded.

Each model is a directory below `packages/`, each of its packages a directory below that, in the format of a
local package directory (`model_config.json` and the files beside it).
"""

from __future__ import annotations

import json
from pathlib import Path

from inference_models import ModelNotFoundError
from inference_models.developer_tools import ModelMetadata, ModelPackageMetadata

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
    configs = {
        path.parent: json.loads(path.read_text("utf-8")) for path in (_PACKAGES / model_id).glob(f"*/{_CONFIG_FILE}")
    }
    packages = [
        ModelPackageMetadata(
            package_id=directory.name,
            backend=config["backend_type"],
            quantization=config.get("quantization", "fp32"),
            dynamic_batch_size_supported=config.get("static_batch_size") is None,
            static_batch_size=config.get("static_batch_size"),
            trusted_source=True,
            directory=directory,
        )
        for directory, config in sorted(configs.items())
    ]
    first = next(iter(configs.values()))
    return ModelMetadata(
        model_id=model_id,
        model_architecture=first["model_architecture"],
        task_type=first["task_type"],
        model_packages=packages,
    )
