"""What the core itself declares, through the same hooks and entry point as any plugin."""

from __future__ import annotations

from inference_models.configuration import (
    ROBOFLOW_API_HOST,
    ROBOFLOW_API_KEY,
    ROBOFLOW_ENVIRONMENT,
    ROBOFLOW_REGION,
)
from inference_models.entities import DEFAULT_PROVIDER
from inference_models.hookspecs import hookimpl
from inference_models.specs import LazyClass, WeightsProviderSpec


@hookimpl
def im_weights_providers() -> list[WeightsProviderSpec]:
    """Declare the providers of local package directories and of Roboflow's platform."""
    return [
        WeightsProviderSpec(
            name="local",
            target=LazyClass("inference_models.weights_providers.local", "get_model"),
            works_offline=True,
        ),
        WeightsProviderSpec(
            name=DEFAULT_PROVIDER,
            target=LazyClass("inference_models.weights_providers.roboflow", "get_roboflow_model"),
            api_key_variable=ROBOFLOW_API_KEY.name,
            settings={ROBOFLOW_API_HOST.name, ROBOFLOW_ENVIRONMENT.name, ROBOFLOW_REGION.name},
        ),
    ]
