"""What the core itself declares, through the same hooks and entry point as any plugin."""

from __future__ import annotations

from inference_models.hookspecs import hookimpl
from inference_models.specs import LazyClass, WeightsProviderSpec


@hookimpl
def im_weights_providers() -> WeightsProviderSpec:
    """Declare the provider of local package directories."""
    return WeightsProviderSpec(name="local", target=LazyClass("inference_models.weights_providers.local", "get_model"))
