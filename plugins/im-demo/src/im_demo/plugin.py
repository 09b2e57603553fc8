"""What im-demo declares: the weights provider `demo`."""

from __future__ import annotations

from inference_models.developer_tools import LazyClass, WeightsProviderSpec, hookimpl


@hookimpl
def im_weights_providers() -> WeightsProviderSpec:
    """Declare the provider of the models that travel inside this distribution."""
    return WeightsProviderSpec(
        name="demo",
        target=LazyClass("im_demo.provider", "get_model"),
        list_models=LazyClass("im_demo.provider", "list_models"),
        works_offline=True,
    )
