"""What the plugin declares."""

from __future__ import annotations

from inference_models.developer_tools import (
    BackendSpec,
    LazyClass,
    ModelSpec,
    PipelineSpec,
    WeightsProviderSpec,
    hookimpl,
)


@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(
        name="acme",
        target=LazyClass("acme_models.provider", "get_model"),
        list_models=LazyClass("acme_models.provider", "list_models"),
        api_key_variable="ACME_KEY",
    )


@hookimpl
def im_backends():
    return BackendSpec(
        name="acme-npu",
        priority=1,
        detect=LazyClass("acme_models.detection", "detect"),
        check=LazyClass("acme_models.detection", "check"),
        open_session=LazyClass("acme_models.session", "open_session"),
        toolkit=LazyClass("acme_models.session", "make_toolkit"),
    )


@hookimpl
def im_models():
    target = LazyClass("acme_models.model", "AcmeNet")
    return [ModelSpec(architectures="acmenet", task_type="regression", backends="acme-npu", target=target)]


@hookimpl
def im_pipelines():
    return PipelineSpec(id="acme-twice", target=LazyClass("acme_models.pipeline", "Twice"))
