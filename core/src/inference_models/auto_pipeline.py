"""`AutoModelPipeline`: models joined into one, each loaded by `AutoModel`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from inference_models.errors import InvalidParameterError, describe_choices
from inference_models.signatures import accepted_keywords

if TYPE_CHECKING:
    from inference_models.specs import PipelineSpec


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
        pipeline_id: str,
        models_parameters: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a ready pipeline.

        Args:
            pipeline_id: as its plugin declares it.
            models_parameters: for each place of the pipeline a model id, the arguments of
                `AutoModel.from_pretrained` as a mapping, a loaded model, or None for the default.
            **kwargs: for the pipeline's own `with_models`.

        Raises:
            InvalidParameterError: unknown pipeline, wrong number of models, no default where one is needed, or an
                argument that the pipeline does not take.
            BaseInferenceModelsError: a model does not load; as `AutoModel.from_pretrained`.
        """
        from inference_models.catalog import current_catalog
        from inference_models.specs import resolve

        catalog = current_catalog()
        declared = catalog.pipeline(pipeline_id) if isinstance(pipeline_id, str) else None
        if declared is None:
            known = [spec.id for spec in cls.list_available_pipelines()]
            raise InvalidParameterError(
                f"No installed plugin declares the pipeline {pipeline_id!r}. "
                f"{describe_choices(str(pipeline_id), known)}{catalog.problem_notes()}"
            )
        parameters = _with_defaults(declared.spec, models_parameters)
        pipeline_class = resolve(declared.spec.target)
        _check_options(pipeline_id, pipeline_class.with_models, kwargs)
        with ExitStack() as on_failure:
            models = []
            for entry in parameters:
                model = _load(entry)
                models.append(model)
                if model is not entry and callable(close := getattr(model, "close", None)):
                    on_failure.callback(close)
            pipeline = pipeline_class.with_models(models, **kwargs)
            on_failure.pop_all()
        return pipeline


def _with_defaults(spec: PipelineSpec, given: Sequence[Any] | None) -> list[Any]:
    places = len(spec.default_models)
    entries = [None] * places if given is None else list(given)
    if len(entries) != places:
        raise InvalidParameterError(
            f"Pipeline {spec.id!r} joins {places} models, models_parameters= has {len(entries)}. Give one entry per "
            f"model, None where the default is wanted."
        )
    filled = [
        entry if entry is not None else default for entry, default in zip(entries, spec.default_models, strict=True)
    ]
    for place, entry in enumerate(filled):
        if entry is None:
            raise InvalidParameterError(
                f"Pipeline {spec.id!r} has no default for model {place}. Name one in models_parameters=."
            )
    return filled


def _check_options(pipeline_id: str, with_models: Callable[..., Any], options: Mapping[str, Any]) -> None:
    accepted = accepted_keywords(with_models)
    for name in options:
        if accepted is not None and name not in accepted - {"models"}:
            choices = sorted(accepted - {"models"})
            raise InvalidParameterError(
                f"Pipeline {pipeline_id!r} does not accept {name}=. {describe_choices(name, choices)}"
            )


def _load(entry: Any) -> Any:
    from inference_models.auto_model import AutoModel

    if isinstance(entry, str):
        return AutoModel.from_pretrained(entry)
    return AutoModel.from_pretrained(**entry) if isinstance(entry, Mapping) else entry
