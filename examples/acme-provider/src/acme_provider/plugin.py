"""What this plugin declares. Nothing here talks to the index."""

from __future__ import annotations

from acme_provider.configuration import INDEX, TOKEN
from inference_models.developer_tools import LazyClass, WeightsProviderSpec, hookimpl


@hookimpl
def im_weights_providers() -> WeightsProviderSpec:
    """Declare the provider `acme`."""
    return WeightsProviderSpec(
        name="acme",
        target=LazyClass("acme_provider.provider", "get_model"),
        list_models=LazyClass("acme_provider.provider", "list_models"),
        api_key_variable=TOKEN.name,
        settings={INDEX.name},
    )
