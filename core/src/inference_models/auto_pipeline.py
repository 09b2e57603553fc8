"""`AutoModelPipeline`: models joined into one, each loaded by `AutoModel`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from inference_models.errors import InvalidParameterError, describe_choices
from inference_models.signatures import accepted_keywords

if TYPE_CHECKING:
    from inference_models.specs import PipelineSpec

_ID = "model_id_or_path"
_OTHER_ID = "model_name_or_path"


class AutoModelPipeline:
    """Loads a pipeline: several models that work as one."""

    @classmethod
    def list_available_pipelines(cls) -> list[PipelineSpec]:
        """Return the pipelines that the installed plugins declare, by id."""
        from inference_models.catalog import current_catalog

        return sorted((row.spec for row in current_catalog().pipelines()), key=lambda spec: spec.id)

    @classmethod
    def from_pretrained(
        cls,
        pipeline_id: str | None = None,
        models_parameters: Sequence[Any] | None = None,
        *,
        pipline_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a ready pipeline.

        Args:
            pipeline_id: as its plugin declares it.
            models_parameters: for each place of the pipeline a model id or path, the arguments of
                `AutoModel.from_pretrained` as a mapping (without an id: those for the default model), a loaded model,
                or None for the default.
            pipline_id: the same as `pipeline_id`, as it is spelt in code written for Roboflow's library.
            **kwargs: for the pipeline's own `with_models`; and arguments of `AutoModel.from_pretrained` such as
                `device` or `api_key`, also those for backends (`onnx_execution_providers`), for every model that is
                loaded. What `models_parameters` says of one model comes before what is said here, and a name that the
                pipeline takes itself goes to the pipeline.

        Returns:
            An instance of the class that the pipeline's plugin declares. If that is a `ModelPipeline`, its `close()`
            closes the models that were loaded here, and leaves open those that were passed in.

        Raises:
            InvalidParameterError: unknown pipeline, wrong number or kind of models, no default where one is needed, or
                an argument that neither the pipeline nor `AutoModel` takes.
            BaseInferenceModelsError: a model does not load; as `AutoModel.from_pretrained`.
        """
        from inference_models.loading import one_spelling
        from inference_models.specs import resolve

        spec = _find(one_spelling("pipeline", pipeline_id=pipeline_id, pipline_id=pipline_id))
        entries = [_resolved(spec, place, entry) for place, entry in enumerate(_entries(spec, models_parameters))]
        pipeline_class = resolve(spec.target)
        own, shared = _split_options(spec.id, accepted_keywords(pipeline_class.with_models), kwargs)
        with ExitStack() as on_failure:
            models, loaded = [], []
            for entry in entries:
                model = _load(entry, shared)
                models.append(model)
                if model is not entry and callable(close := getattr(model, "close", None)):
                    loaded.append(model)
                    on_failure.callback(close)
            pipeline = pipeline_class.with_models(models, **own)
            on_failure.pop_all()
        _hand_over(pipeline, models, loaded)
        return pipeline


def place_names(spec: PipelineSpec) -> list[str]:
    """Return what to call the model at each place of a pipeline."""
    return list(spec.places) or [f"model {place}" for place in range(len(spec.default_models))]


def describe_places(spec: PipelineSpec) -> str:
    """Return the places of a pipeline in their order, with their defaults, for errors."""
    defaults = ["no default" if default is None else f"default: {default}" for default in spec.default_models]
    return ", ".join(f"{name} ({default})" for name, default in zip(place_names(spec), defaults, strict=True))


def _find(pipeline_id: object) -> PipelineSpec:
    from inference_models.catalog import current_catalog

    catalog = current_catalog()
    declared = catalog.pipeline(pipeline_id) if isinstance(pipeline_id, str) else None
    if declared is None:
        known = [spec.id for spec in AutoModelPipeline.list_available_pipelines()]
        raise InvalidParameterError(
            f"No installed plugin declares the pipeline {pipeline_id!r}. "
            f"{describe_choices(str(pipeline_id), known)}{catalog.problem_notes()}"
        )
    return declared.spec


def _entries(spec: PipelineSpec, given: object) -> Sequence[Any]:
    """Return one entry per place, None where nothing was said."""
    places = len(spec.default_models)
    if given is None:
        return [None] * places
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise InvalidParameterError(
            f"models_parameters= takes a list with an entry for each of the {places} models of pipeline {spec.id!r}, "
            f"not {type(given).__name__!r}."
        )
    if len(given) != places:
        raise InvalidParameterError(
            f"Pipeline {spec.id!r} joins {places} models, models_parameters= has {len(given)}. Give one entry per "
            f"model, None where the default is wanted: {describe_places(spec) or 'none'}."
        )
    return given


def _resolved(spec: PipelineSpec, place: int, entry: Any) -> Any:
    """Return a loaded model as it is, and anything else as the arguments that load one."""
    from inference_models.loading import one_spelling

    if isinstance(entry, (str, os.PathLike)):
        return {_ID: entry}
    arguments = dict(entry) if isinstance(entry, Mapping) else None
    if entry is not None and arguments is None:
        return entry
    if arguments is not None and _OTHER_ID in arguments:
        arguments[_ID] = one_spelling("model", **{_ID: arguments.get(_ID), _OTHER_ID: arguments.pop(_OTHER_ID)})
    default = {} if spec.default_models[place] is None else {_ID: spec.default_models[place]}
    complete = {**default, **(arguments or {})}
    if complete.get(_ID) is None:
        raise InvalidParameterError(
            f"Pipeline {spec.id!r} has no default for model {place}. Name one in models_parameters=: "
            f"{describe_places(spec)}."
        )
    return complete


def _split_options(
    pipeline_id: str, accepted: frozenset[str] | None, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the pipeline itself and those of the models. Raises: InvalidParameterError."""
    from inference_models.catalog import current_catalog
    from inference_models.loading.options import OPTION_NAMES

    of_backends = {name for row in current_catalog().backends() for name in row.spec.session_options}
    of_models = (OPTION_NAMES | of_backends) - {"model_package_id"}  # a package belongs to one model
    names = None if accepted is None else accepted - {"models"}
    own: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    for name, value in options.items():
        if names is not None and name not in names | of_models:
            choices = sorted(names | of_models)
            raise InvalidParameterError(
                f"Pipeline {pipeline_id!r} does not accept {name}=. {describe_choices(name, choices)}"
            )
        is_shared = name in of_models and (names is None or name not in names)
        (shared if is_shared else own)[name] = value
    return own, shared


def _load(entry: Any, shared: Mapping[str, Any]) -> Any:
    from inference_models.auto_model import AutoModel

    return AutoModel.from_pretrained(**{**shared, **entry}) if isinstance(entry, dict) else entry


def _hand_over(pipeline: Any, models: Sequence[Any], loaded: Sequence[Any]) -> None:
    """Let the pipeline say what its models are, and close those that were loaded for it."""
    from inference_models.models.loaded_from import remember_source, source_of
    from inference_models.models.pipeline import ModelPipeline

    if isinstance(pipeline, ModelPipeline):
        remember_source(pipeline, tuple(source_of(model) for model in models))
        for model in loaded:
            pipeline.owns(model)
