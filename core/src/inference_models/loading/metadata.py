"""What is known about a model: as remembered, as the cache knows it, or as its weights provider says now."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from inference_models.configuration import is_offline
from inference_models.errors import BaseInferenceModelsError
from inference_models.loading.asking import Question
from inference_models.loading.checkpoints import checkpoint_metadata

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.environment import Environment
    from inference_models.loading.options import LoadOptions
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata
    from inference_models.negotiation import Request
    from inference_models.store import AutoResolutionCache
    from inference_models.weights_providers import ModelSource

logger = logging.getLogger(__name__)

Value = TypeVar("Value")


@frozen
class FoundModel:
    """A model's metadata, and what is needed to remember the package that is chosen, or to forget it.

    Attributes:
        metadata: the model; when it was remembered, with the one package that was chosen.
        provider: name of its weights provider.
        remembered: whether nobody was asked.
        cache: where decisions are remembered; None: nowhere.
        key: under which this one is; None: it is not to be remembered.
        asked: the question that the provider has answered just now; None: it was not asked.
    """

    metadata: ModelMetadata
    provider: str
    remembered: bool = False
    cache: AutoResolutionCache | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    asked: Question | None = field(default=None, repr=False)

    def remember(self, package: ModelPackageMetadata) -> None:
        """Note that this package was the one, unless that is known or its files are not in the cache."""
        if self.asked is not None:
            self.asked.note_grant(self.metadata.model_id)
        if self.cache is None or self.key is None or self.remembered:
            return
        from inference_models.store import Resolution
        from inference_models.store.builds import is_build

        if package.directory is not None and not is_build(package.directory):
            return

        decision = Resolution(self.provider, self.metadata.model_id, package.package_id, time.time())
        _unless_it_fails(self.cache.register, self.key, decision)

    def forget(self) -> None:
        """Note that what was remembered no longer holds."""
        if self.cache is not None and self.key is not None:
            _unless_it_fails(self.cache.invalidate, self.key)


def _unless_it_fails(function: Callable[..., Value], *arguments: object) -> Value | None:
    """Ask a cache of decisions; None when it fails. It saves time and nothing else, so no load ends with it."""
    try:
        return function(*arguments)
    except BaseInferenceModelsError:  # a setting of the user's that must be corrected
        raise
    except Exception as error:
        logger.warning("The auto-resolution cache fails and is not used: %s: %s", type(error).__name__, error)
        return None


def find_model(
    source: ModelSource, options: LoadOptions, catalog: Catalog, environment: Environment, request: Request
) -> FoundModel:
    """Return what is known about a model.

    Raises:
        OfflineModeError: the network is switched off and the cache does not have it.
        ModelRetrievalError: the provider is missing, failed, or does not know it.
        PolicyViolationError: the policy does not let it be asked for.
        InvalidParameterError: it is a single file, and `model_type=` does not say which training program wrote it; or
            a directory with code of its own, about which nothing else is known.
    """
    from inference_models.local_code import refuse_code_of_its_own
    from inference_models.weights_providers.permission import refuse_forbidden

    refuse_forbidden(source)
    if source.is_local and (path := Path(source.model_id)).is_file():
        return FoundModel(checkpoint_metadata(path, options.extra.get("model_type"), catalog), source.provider)
    if source.is_local:
        refuse_code_of_its_own(Path(source.model_id))
    question = Question(source, catalog, options.api_key, options.provider_options)
    cache = key = None
    if options.use_auto_resolution_cache and question.needs_network and not is_offline():
        cache, key = _place(source, options, catalog, environment, request)
        remembered = _remembered(cache, key, catalog)
        if remembered is not None:
            return FoundModel(remembered, source.provider, True, cache, key)
    metadata, is_from_disk = question.ask()
    if is_from_disk:
        return FoundModel(metadata, source.provider)
    return FoundModel(metadata, source.provider, False, cache, key, question)


def look_up_model(
    model: str | os.PathLike[str], provider: str | None = None, api_key: str | None = None, **options: Any
) -> ModelMetadata:
    """Return what a weights provider knows about a model, and the packages of it that were made on this machine.

    Where the provider cannot be asked, what the cache knows. Takes and raises what
    `weights_providers.get_model_from_provider` does, and refuses a directory with code of its own
    (InvalidParameterError).
    """
    from inference_models.catalog import current_catalog
    from inference_models.local_code import refuse_code_of_its_own
    from inference_models.weights_providers import find_source
    from inference_models.weights_providers.permission import refuse_forbidden

    source = find_source(model, provider)
    refuse_forbidden(source)
    if source.is_local:
        refuse_code_of_its_own(Path(source.model_id))
    metadata, _ = Question(source, current_catalog(), api_key, options).ask()
    return metadata


def _remembered(cache: AutoResolutionCache, key: str | None, catalog: Catalog) -> ModelMetadata | None:
    from inference_models.store.remembered import remembered_metadata

    resolution = None if key is None else _unless_it_fails(cache.retrieve, key)
    return None if resolution is None else remembered_metadata(resolution, catalog)


def _place(
    source: ModelSource, options: LoadOptions, catalog: Catalog, environment: Environment, request: Request
) -> tuple[AutoResolutionCache, str | None]:
    """Return where the choice of a package is remembered, and under which key; None: it cannot be remembered."""
    from inference_models.policy import current_policy
    from inference_models.store import FileResolutionCache, resolution_key
    from inference_models.store.builds import builds_stamp
    from inference_models.weights_providers.core import credential_of, settings_of, unparsed

    everything_it_depends_on: dict[str, Any] = {
        "provider": source.provider,
        "model_id": source.model_id,
        "request": request.to_dict(),
        "options": dict(request.options),
        "provider_options": options.provider_options,
        "provider_settings": settings_of(source, catalog),
        "attempts": options.max_package_loading_attempts,
        "plugins": [str(plugin.info) for plugin in catalog.plugins],
        "backends": {name: [status.available, status.facts] for name, status in environment.backends.items()},
        "backend_settings": {name: unparsed(name) for row in catalog.backends() for name in row.spec.settings},
        "gpus": environment.gpu_fingerprint,
        "builds": builds_stamp(),
        "policy": current_policy().fingerprint,
    }
    key = resolution_key(everything_it_depends_on, credential_of(source, catalog, options.api_key))
    given = options.auto_resolution_cache
    return FileResolutionCache() if given is None else given, key  # one that is still empty may well be false
