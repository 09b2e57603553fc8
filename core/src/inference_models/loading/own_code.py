"""Directories whose model brings its own code: no package is chosen, the class in the directory is all there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference_models.errors import BaseInferenceModelsError, InvalidParameterError, ModelLoadingError
from inference_models.loading.handover import init_options
from inference_models.loading.options import LoadOptions
from inference_models.loading.provenance import tell_directory
from inference_models.signatures import accepted_keywords

_WISHES = (
    "model_package_id",
    "backend",
    "batch_size",
    "quantization",
    "device",
    "nms_fusion_preferences",
    "dependency_models_params",
)
"""What decides elsewhere which package is chosen and how it runs. Here nobody but the class can fulfil it."""


def load_own_code(directory: Path, config: dict[str, Any], options: LoadOptions, provider: str) -> Any:
    """Return the model that the class in `directory` makes.

    Args:
        directory: the package, an absolute path.
        config: its `model_config.json`.
        options: what the user asked for.
        provider: name of the one that directories come from.

    Raises:
        ForbiddenLocalCodePackageAccessError: the user does not allow the code to run.
        PolicyViolationError: the policy does not.
        InvalidParameterError: the class does not take what was asked for.
        ModelLoadingError: the class cannot be imported, fails, or returns no model.
    """
    from inference_models.catalog import current_catalog
    from inference_models.local_code import load_local_class

    loaded: Any = load_local_class(directory, config, allowed=options.allow_local_code_packages)
    device = options.make_request(current_catalog()).device
    offered = {**_wishes(loaded, directory, options), "device": device}
    arguments = init_options(loaded, offered, options.extra, str(directory), ())
    model = _call(loaded, directory, config, arguments)
    tell_directory(model, directory, provider)
    return model


def _wishes(loaded: Any, directory: Path, options: LoadOptions) -> dict[str, Any]:
    """Return what was asked for of the model. Raises InvalidParameterError for what the class does not take."""
    given = {name: getattr(options, name) for name in _WISHES}
    wishes = {name: value for name, value in given.items() if value is not None and value is not False and value != {}}
    accepted = accepted_keywords(loaded.from_pretrained)
    for name in wishes:
        if accepted is not None and name not in accepted:
            raise InvalidParameterError(
                f"{name}= cannot be had of {directory}: its code alone decides how the model runs, and from_pretrained "
                f"of its class {loaded.__name__} takes no {name}. Leave it out, or let the class take it."
            )
    return wishes


def _call(loaded: Any, directory: Path, config: Mapping[str, Any], arguments: dict[str, Any]) -> Any:
    name = f"{loaded.__name__} in {directory / config['model_module']}"
    try:
        model = loaded.from_pretrained(str(directory), **arguments)
    except BaseInferenceModelsError:
        raise
    except Exception as error:
        raise ModelLoadingError(
            f"{directory} does not load: {type(error).__name__}: {error}. The class {name} did not expect this. "
            f"Correct the class, or what it was given."
        ) from error
    if model is None:
        raise ModelLoadingError(
            f"{directory} does not load: from_pretrained of {name} returned None. It must return the model; correct "
            f"the class."
        )
    return model
