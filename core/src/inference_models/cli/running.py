"""What `im predict` runs: a model, or a pipeline of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from inference_models.errors import BaseInferenceModelsError, InvalidParameterError

Ask = Callable[[list[Any]], Any]
"""Gives the predictions for a list of images."""

_DEFAULT = "-"


@frozen
class Wanted:
    """What is to be run.

    Attributes:
        model: an id or a directory; None with a pipeline.
        pipeline: an id; None with a model.
        models: of the pipeline, one for each place; "-" stands for the default, none at all for defaults everywhere.
        prompt: what to ask a model that answers prompts.
        task: what to have it do by name.
        parameters: of each call, by name.
    """

    model: str | None
    pipeline: str | None
    models: tuple[str, ...]
    prompt: str | None
    task: str | None
    parameters: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.model or self.pipeline)

    def check(self, loading: Mapping[str, Any]) -> None:
        """Make sure that the options go together. Raises: click.UsageError."""
        asked = self.prompt is not None or self.task is not None
        if self.parameters and asked:
            raise click.UsageError("--confidence and --iou-threshold do not go with --prompt and --task.")
        if self.pipeline is None:
            if self.models:
                raise click.UsageError("--model names the models of a pipeline; it goes with --pipeline.")
            return
        if asked:
            raise click.UsageError("--prompt and --task do not go with --pipeline.")
        if loading.get("model_package_id"):
            raise click.UsageError("--package is of one model; it does not go with --pipeline.")
        _check_places(self.pipeline, self.models)

    def load(self, loading: Mapping[str, Any]) -> Any:
        """Return the loaded model or pipeline. Raises: BaseInferenceModelsError."""
        if self.pipeline is not None:
            from inference_models.auto_pipeline import AutoModelPipeline

            models = [None if name == _DEFAULT else name for name in self.models] or None
            return AutoModelPipeline.from_pretrained(self.pipeline, models, verbose=True, **loading)
        from inference_models.auto_model import AutoModel

        try:
            return AutoModel.from_pretrained(str(self.model), verbose=True, **loading)
        except BaseInferenceModelsError:
            _hint_at_pipeline(str(self.model))
            raise

    def question(self, loaded: Any) -> Ask:
        """Return what asks for predictions.

        Args:
            loaded: what `load` returned.

        Raises:
            InvalidParameterError: the model takes no prompts or tasks, or nothing else.
        """
        from inference_models.models import VisionLanguageModel

        task, prompt, name = self.task, self.prompt, type(loaded).__name__
        if task is not None and isinstance(loaded, VisionLanguageModel):
            return lambda images: loaded.perform(task, images, prompt)
        if task is None and prompt is not None and callable(getattr(loaded, "prompt", None)):
            return lambda images: loaded.prompt(images, prompt)
        if task is not None or prompt is not None:
            option = "--task" if task is not None else "--prompt"
            raise InvalidParameterError(
                f"{option} is for models that answer prompts, and {name} is none. Leave it out."
            )
        if not callable(loaded):
            tasks = ", ".join(getattr(loaded, "tasks", ()))
            raise InvalidParameterError(
                f"{name} must be told what to do: --prompt TEXT"
                + (f", or --task NAME, one of {tasks}." if tasks else ".")
            )
        return lambda images: loaded(images, **self.parameters)


def split_arguments(
    first: str | None, rest: Sequence[Path], pipeline: str | None
) -> tuple[str | None, tuple[Path, ...]]:
    """Return the model and the images: with a pipeline there is no model, and the first argument is an image, too.

    Raises:
        click.UsageError: there is no model or no image, or the file of one is missing.
    """
    context = click.get_current_context()
    arguments = {parameter.name: parameter for parameter in context.command.params}
    if first is None:
        raise click.MissingParameter(ctx=context, param=arguments["images" if pipeline else "model"])
    if pipeline is None:
        images = tuple(rest)
    else:
        images = (Path(arguments["images"].type.convert(first, arguments["images"], context)), *rest)
    if not images:
        raise click.MissingParameter(ctx=context, param=arguments["images"])
    return (first if pipeline is None else None), images


def _check_places(pipeline: str, models: Sequence[str]) -> None:
    """Make sure that there is a model for each place of a pipeline. One that nobody declares is left to loading.

    Raises:
        click.UsageError: it says which options to give.
    """
    from inference_models.auto_pipeline import describe_places, place_names
    from inference_models.catalog import current_catalog

    declared = current_catalog().pipeline(pipeline)
    if declared is None:
        return
    spec = declared.spec
    places, defaults = describe_places(spec), spec.default_models
    if models and len(models) != len(defaults):
        times = "once" if len(models) == 1 else f"{len(models)} times"
        leave_out = "" if None in defaults else " Leave it out for all defaults."
        order = f" Give it for each, in this order, - for a default: {places}." if places else ""
        raise click.UsageError(
            f"Pipeline {spec.id!r} joins {len(defaults)} models, and --model is given {times}.{order}{leave_out}"
        )
    given = models or [_DEFAULT] * len(defaults)
    entries = zip(place_names(spec), given, defaults, strict=True)
    missing = [name for name, model, default in entries if model == _DEFAULT and default is None]
    if missing:
        raise click.UsageError(
            f"Pipeline {spec.id!r} has no default for {' and '.join(missing)}. Give --model for each place, in this "
            f"order, - for a default: {places}."
        )


def _hint_at_pipeline(name: str) -> None:
    """Say so when there is a pipeline of the name that was given as a model's."""
    from inference_models.catalog import current_catalog

    if current_catalog().pipeline(name) is not None:
        click.echo(f"There is a pipeline {name!r}: im predict --pipeline {name} IMAGE...", err=True)
