"""Where models come from: choosing a provider by id, asking it, checking its answer."""

from __future__ import annotations

from inference_models.weights_providers.core import get_model_from_provider, list_available_models
from inference_models.weights_providers.registered import WEIGHTS_PROVIDERS, register_model_provider
from inference_models.weights_providers.sources import ModelSource, find_source

__all__ = [
    "WEIGHTS_PROVIDERS",
    "ModelSource",
    "find_source",
    "get_model_from_provider",
    "list_available_models",
    "register_model_provider",
]
