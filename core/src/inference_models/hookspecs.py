"""The four hooks of the plugin API, version 1. All declare and take no arguments.

They may be called more than once and in every process, so an implementation must be quick, free of side
effects and always give the same answer. It returns one spec or an iterable of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from inference_models.specs import BackendSpec, ModelSpec, PipelineSpec, WeightsProviderSpec

API_VERSION = 1
"""The major version of the plugin API: the number in the name of the entry-point group."""
ENTRY_POINT_GROUP_PREFIX = "inference_models.v"
ENTRY_POINT_GROUP = f"{ENTRY_POINT_GROUP_PREFIX}{API_VERSION}"
PROJECT_NAME = "inference_models"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)
"""Marks a function of a plugin module as the implementation of the hook it is named after."""


@hookspec
def im_weights_providers() -> Iterable[WeightsProviderSpec]:  # type: ignore[empty-body]
    """Declare where models come from.

    Example:
        ```python
        @hookimpl
        def im_weights_providers():
            return WeightsProviderSpec(
                name="acme",
                target=LazyClass("acme_models.provider", "get_model"),
                list_models=LazyClass("acme_models.provider", "list_models"),
                api_key_variable="ACME_TOKEN",
            )
        ```
    """


@hookspec
def im_backends() -> Iterable[BackendSpec]:  # type: ignore[empty-body]
    """Declare runtimes that execute model packages.

    Example:
        ```python
        @hookimpl
        def im_backends():
            return BackendSpec(
                name="acme-npu",
                priority=650,
                detect=LazyClass("acme_npu.detection", "detect"),
                check=LazyClass("acme_npu.compatibility", "check"),
                open_session=LazyClass("acme_npu.session", "open_session"),
            )
        ```
    """


@hookspec
def im_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Declare implementations of model families.

    Example:
        ```python
        @hookimpl
        def im_models():
            return ModelSpec(
                architectures=("acmenet", "acmenet-v2"),
                task_type="object-detection",
                backends=("onnx", "trt"),
                target=LazyClass("acme_models.detection", "AcmeNetDetector"),
            )
        ```
    """


@hookspec
def im_pipelines() -> Iterable[PipelineSpec]:  # type: ignore[empty-body]
    """Declare models joined into one.

    Example:
        ```python
        @hookimpl
        def im_pipelines():
            return PipelineSpec(
                id="read-plates",
                target=LazyClass("acme_models.plates", "ReadPlates"),
                default_models=("acme://plates", "acme://letters"),
                places=("detector", "reader"),
            )
        ```
    """
