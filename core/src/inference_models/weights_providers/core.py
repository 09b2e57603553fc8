"""From a model's provider and id to its metadata: who is asked, what it answers, and what to say when it fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inference_models.catalog import Catalog, current_catalog
from inference_models.configuration import Variable
from inference_models.distributions import canonical_name
from inference_models.errors import (
    BaseInferenceModelsError,
    InvalidParameterError,
    ModelNotFoundError,
    ModelRetrievalError,
    OfflineModeError,
    RetryError,
    UnauthorizedModelAccessError,
    WeightsProviderNotFoundError,
    describe_choices,
)
from inference_models.metadata import ModelMetadata
from inference_models.signatures import accepted_keywords
from inference_models.specs import WeightsProviderSpec, resolve
from inference_models.weights_providers.permission import (
    permitted_providers,
    refuse_forbidden,
    refuse_forbidden_provider,
)
from inference_models.weights_providers.registered import (
    WEIGHTS_PROVIDERS,
    ProviderHandler,
    refuse_second,
    register_model_provider,
)
from inference_models.weights_providers.sources import ModelSource, check_provider_name, find_source

__all__ = [
    "WEIGHTS_PROVIDERS",
    "ProviderHandler",
    "credential_of",
    "get_model_from_provider",
    "get_model_metadata",
    "list_available_models",
    "list_models",
    "register_model_provider",
    "settings_of",
    "works_offline",
]

logger = logging.getLogger(__name__)

# After these, whoever wrote a bare id may have meant something else than a model of the default provider.
_NOT_FOUND_HERE = (ModelNotFoundError, UnauthorizedModelAccessError, RetryError, OfflineModeError)


def get_model_from_provider(
    model_id: str | os.PathLike[str], provider: str | None = None, api_key: str | None = None, **options: Any
) -> ModelMetadata:
    """Return what a weights provider knows about a model.

    Args:
        model_id: an id, `name://id` or a local path, see `find_source`.
        provider: the provider's name, for an id without one.
        api_key: passed on; when None, the provider looks in its own variable.
        options: passed on to the provider, if it accepts them.

    Raises:
        ModelNotFoundError: it has no such model; near matches are named where it can list.
        WeightsProviderNotFoundError: there is no such provider.
        ModelRetrievalError: it failed, or answered something else than `ModelMetadata`.
        InvalidParameterError: it accepts none of an option's name.
    """
    source = find_source(model_id, provider)
    return get_model_metadata(source, current_catalog(), api_key, options)


def get_model_metadata(
    source: ModelSource, catalog: Catalog, api_key: str | None = None, options: dict[str, Any] | None = None
) -> ModelMetadata:
    """Ask the provider of `source`. See `get_model_from_provider` for what may be raised."""
    spec = _provider(source, catalog)
    handler = resolve(spec.target)
    _check_options(source, handler, options or {})
    try:
        metadata = handler(source.model_id, api_key, **(options or {}))
    except _NOT_FOUND_HERE as error:
        error.message += _suggestions(source, spec, catalog, is_known=not isinstance(error, ModelNotFoundError))
        raise
    except BaseInferenceModelsError:
        raise
    except Exception as error:
        raise ModelRetrievalError(
            f"Weights provider {source.provider!r} failed on {source.model_id!r}: {type(error).__name__}: {error}. "
            f"This is a fault of the provider; report it to whoever publishes it."
        ) from error
    if not isinstance(metadata, ModelMetadata):
        raise ModelRetrievalError(
            f"Weights provider {source.provider!r} answered {type(metadata).__name__!r} for {source.model_id!r}; it "
            f"must answer a ModelMetadata."
        )
    return metadata


def works_offline(source: ModelSource, catalog: Catalog) -> bool:
    """Return whether the provider never needs a network. Raises: WeightsProviderNotFoundError."""
    return _provider(source, catalog).works_offline


def credential_of(source: ModelSource, catalog: Catalog, api_key: str | None) -> str | None:
    """Return the API key with which the provider is asked: the one that is given, else what its variable holds."""
    name = _provider(source, catalog).api_key_variable
    return api_key if api_key is not None or name is None else unparsed(name)


def settings_of(source: ModelSource, catalog: Catalog) -> dict[str, str | None]:
    """Return what the environment variables that decide the provider's answers hold; None where one is unset."""
    return {name: unparsed(name) for name in sorted(_provider(source, catalog).settings)}


def unparsed(variable: str) -> str | None:
    """Return what an environment variable holds, as it stands; None when it is unset."""
    return Variable[str | None](name=variable, default=None, parse=str, description="", secret=True).get()


def list_models(spec: WeightsProviderSpec) -> list[str]:
    """Return the ids that a provider lists, sorted; none when it cannot list."""
    if spec.list_models is None:
        return []
    listed: Iterable[str] = resolve(spec.list_models)()
    return sorted(listed)


def list_available_models(weights_provider: str | None = None) -> dict[str, list[str]]:
    """Return the ids that the providers list, by provider.

    Those that cannot list are left out, and with a warning those that fail: one that needs a network or a token does
    not hide what the others have.

    Raises:
        WeightsProviderNotFoundError: there is no provider `weights_provider`.
        ModelRetrievalError: the provider `weights_provider` failed, or cannot list.
        InvalidParameterError: `weights_provider` is no name.
        PolicyViolationError: the policy forbids `weights_provider`. Others that it forbids are not asked.
    """
    catalog = current_catalog()
    if weights_provider is not None:
        check_provider_name(weights_provider)
        refuse_forbidden_provider(weights_provider)
        spec = _registered(weights_provider, catalog) or catalog.provider(weights_provider).spec
        return {spec.name: _listed_by(spec)}
    models = {}
    for row in permitted_providers(catalog):
        if row.spec.list_models is not None:
            try:
                models[row.spec.name] = _listed_by(row.spec)
            except BaseInferenceModelsError as error:
                logger.warning("The models of %s are not listed: %s", row.plugin, error)
    return models


def _listed_by(spec: WeightsProviderSpec) -> list[str]:
    if spec.list_models is None:
        raise ModelRetrievalError(f"Weights provider {spec.name!r} cannot list its models. Ask for a model by its id.")
    try:
        return list_models(spec)
    except BaseInferenceModelsError:
        raise
    except Exception as error:
        raise ModelRetrievalError(
            f"Weights provider {spec.name!r} failed to list its models: {type(error).__name__}: {error}. This is a "
            f"fault of the provider; report it to whoever publishes it."
        ) from error


def _provider(source: ModelSource, catalog: Catalog) -> WeightsProviderSpec:
    refuse_forbidden(source)
    if (registered := _registered(source.provider, catalog)) is not None:
        return registered
    try:
        return catalog.provider(source.provider).spec
    except WeightsProviderNotFoundError as error:
        raise WeightsProviderNotFoundError(
            f"{source.model_id!r} cannot be loaded. {error.message}{_other_meaning(source.model_id, catalog)}"
        ) from None


def _registered(name: str, catalog: Catalog) -> WeightsProviderSpec | None:
    handler = WEIGHTS_PROVIDERS.get(name)
    if handler is None:
        return None
    refuse_second(name, catalog)
    return WeightsProviderSpec(name=name, target=handler)


def _other_meaning(model_id: str, catalog: Catalog, asked: str | None = None) -> str:
    """Say what a bare id may have meant: a folder here, or a model that another provider than `asked` lists.

    Only those are asked that need no network: a hint is not worth waiting for somebody else's server.
    """
    lines = []
    if _exists(model_id):
        path = model_id if Path(model_id).is_absolute() else f"./{model_id}"
        lines.append(f"\n{model_id!r} is also a path here: to load it, write {path!r}.")
    for row in permitted_providers(catalog):
        is_other = asked is None or canonical_name(row.spec.name) != canonical_name(asked)
        listed = _known_to(row.spec) if row.spec.works_offline and is_other else []
        near = [name for name in listed if model_id.lower() in name.lower()]
        lines += [f"\nThe provider {row.spec.name!r} has it: write '{row.spec.name}://{name}'." for name in near[:3]]
    return "".join(lines)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:  # longer than any path, for example
        return False


def _known_to(spec: WeightsProviderSpec) -> list[str]:
    """Return the ids that a provider lists, for hints: where it fails there is none, and the error in hand counts."""
    try:
        return list_models(spec)
    except Exception as error:
        logger.info("Weights provider %r does not list its models: %s: %s", spec.name, type(error).__name__, error)
        return []


def _check_options(source: ModelSource, handler: ProviderHandler, options: dict[str, Any]) -> None:
    accepted = accepted_keywords(handler)
    for name in options:
        if accepted is not None and name not in accepted:
            raise InvalidParameterError(
                f"Weights provider {source.provider!r} does not accept {name}=. "
                f"{describe_choices(name, sorted(accepted - {'model_id', 'api_key'}))}"
            )


def _suggestions(source: ModelSource, spec: WeightsProviderSpec, catalog: Catalog, *, is_known: bool) -> str:
    if source.is_local:
        return ""
    known = [] if is_known else _known_to(spec)
    choices = f" {describe_choices(source.model_id, known)}" if known else ""
    return choices + _other_meaning(source.model_id, catalog, asked=source.provider)
