"""The way from an id to a model: the one file that knows all stages. The stages do not know each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inference_models.errors import (
    DirectLocalStorageAccessError,
    InvalidParameterError,
    ModelImplementationNotFoundError,
    ModelLoadingError,
    ModelPackageAlternativesExhaustedError,
    describe_choices,
)
from inference_models.loading.failures import MISTAKES, as_ours, release_memory
from inference_models.loading.handover import BoundBackend, init_options
from inference_models.loading.metadata import FoundModel, find_model
from inference_models.loading.options import LoadOptions
from inference_models.loading.own_code import load_own_code
from inference_models.loading.provenance import tell_package
from inference_models.loading.settings import check_settings

if TYPE_CHECKING:
    import os

    from inference_models.catalog import Catalog
    from inference_models.metadata import ModelDependency, ModelMetadata, ModelPackageMetadata
    from inference_models.negotiation import Plan, Verdict
    from inference_models.weights_providers import ModelSource

logger = logging.getLogger(__name__)


def load(model_id_or_path: str | os.PathLike[str], options: LoadOptions) -> Any:
    """Return a ready model. See `AutoModel.from_pretrained`."""
    from inference_models.local_code import find_local_code
    from inference_models.weights_providers import find_source
    from inference_models.weights_providers.permission import refuse_forbidden

    attempts = _positive("max_package_loading_attempts", options.max_package_loading_attempts)
    source = find_source(model_id_or_path, options.weights_provider)
    refuse_forbidden(source)
    if source.is_local:
        _check_local_access(source, options)
        directory = Path(source.model_id).absolute()
        config = find_local_code(directory)
        if config is not None:
            return load_own_code(directory, config, options, source.provider)
    return _Loader.find(source, options).load(attempts)


def make_plan(model_id_or_path: str | os.PathLike[str], options: LoadOptions) -> Plan:
    """Return what `load` would decide, without loading anything."""
    from inference_models.weights_providers import find_source

    source = find_source(model_id_or_path, options.weights_provider)
    if source.is_local:
        _check_local_access(source, options)
    # Every package is to be seen, not only the one that was chosen before.
    loader = _Loader.find(source, evolve(options, use_auto_resolution_cache=False))
    loader.check_options()
    return loader.plan


def _check_local_access(source: ModelSource, options: LoadOptions) -> None:
    if not options.allow_direct_local_storage_loading:
        raise DirectLocalStorageAccessError(
            f"{source.model_id!r} is a path, and allow_direct_local_storage_loading=False forbids loading from one. "
            f"Name a model by its id."
        )


@frozen
class _Loader:
    """One walk from an id to a model: what each stage found, handed to the next."""

    source: ModelSource
    options: LoadOptions
    catalog: Catalog
    found: FoundModel
    plan: Plan

    @classmethod
    def find(cls, source: ModelSource, options: LoadOptions) -> _Loader:
        """Go as far as the plan."""
        from inference_models.catalog import current_catalog
        from inference_models.environment import current_environment
        from inference_models.negotiation import negotiate

        catalog, environment = current_catalog(), current_environment()
        request = options.make_request(catalog)
        found = find_model(source, options, catalog, environment, request)
        return cls(source, options, catalog, found, negotiate(found.metadata, catalog, environment, request))

    @property
    def metadata(self) -> ModelMetadata:
        """What is known about the model."""
        return self.found.metadata

    def load(self, attempts: int | None) -> Any:
        """Return the first candidate that loads.

        When what was remembered does not lead to a model, it is forgotten and everything is asked anew.
        """
        try:
            return self._load_first(attempts)
        except MISTAKES:
            raise
        except Exception as error:
            if not self.found.remembered:
                raise
            logger.info("What was remembered about %s no longer holds: %s", self.source, error)
            self.found.forget()
            outdated = error
        release_memory(outdated)
        return _Loader.find(self.source, self.options)._load_first(attempts)

    def _load_first(self, attempts: int | None) -> Any:
        candidates = self.plan.require_candidates()[:attempts]
        self._check_dependency_names()
        check_settings(self.found, candidates)
        with ExitStack() as unless_needed:
            needs_others = bool(self.metadata.model_dependencies)
            dependencies = self._load_dependencies(unless_needed) if needs_others else None
            package, model = self._try_in_turn(candidates, dependencies)
            if callable(close := getattr(model, "close", None)):
                unless_needed.callback(close)
            self.found.remember(package)
            unless_needed.pop_all()
        return model

    def _try_in_turn(
        self, candidates: Sequence[Verdict], dependencies: dict[str, Any] | None
    ) -> tuple[ModelPackageMetadata, Any]:
        errors: list[tuple[str, Exception]] = []
        for verdict in candidates:
            if errors:
                release_memory(errors[-1][1])
            package_id = verdict.package.package_id
            try:
                return self._load(verdict, dependencies)
            except MISTAKES:
                raise
            except Exception as error:
                logger.warning("Package %s of %s does not load: %s", package_id, self.source, error)
                errors.append((package_id, error))
        if len(errors) == 1:
            raise as_ours(candidates[0], errors[0][1])
        listed = "\n".join(f"  - {name}: {type(error).__name__}: {error}" for name, error in errors)
        raise ModelPackageAlternativesExhaustedError(
            f"None of the {len(errors)} packages of model {self.metadata.model_id!r} that fit this machine loads:\n"
            f"{listed}",
            alternatives_errors=[error for _, error in errors],
        )

    def check_options(self) -> None:
        """Refuse what loading the best candidate would. Raises: InvalidParameterError."""
        from inference_models.metadata import ModelPackageMetadata
        from inference_models.specs import resolve

        self._check_dependency_names()
        for verdict in self.plan.candidates[:1]:
            if self.options.extra and verdict.implementation and isinstance(verdict.package, ModelPackageMetadata):
                with suppress(ModelImplementationNotFoundError):  # loading says so
                    loaded = resolve(verdict.implementation.spec.target)
                    self._init_options(loaded, self._bind(verdict.package), None)

    def _load(self, verdict: Verdict, dependencies: dict[str, Any] | None) -> tuple[ModelPackageMetadata, Any]:
        from inference_models.download.progress import show_progress
        from inference_models.metadata import ModelPackageMetadata
        from inference_models.specs import resolve
        from inference_models.store import materialise

        package, implementation = verdict.package, verdict.implementation
        assert isinstance(package, ModelPackageMetadata), "only usable packages are loaded"
        assert implementation is not None, "only usable packages are loaded"
        loaded = resolve(implementation.spec.target)
        if not callable(getattr(loaded, "from_pretrained", None)):
            raise ModelImplementationNotFoundError(
                f"{implementation.spec.target} of {implementation.plugin} has no from_pretrained method, so it cannot "
                f"load a model. The plugin must be corrected."
            )
        bound = self._bind(package)
        options = self._init_options(loaded, bound, dependencies)
        if "toolkit" in options:  # before anything is fetched: without the device, nothing need be
            options["toolkit"] = bound.make_toolkit()
        with show_progress(verbose=self.options.verbose) as progress:
            directory = materialise(
                self.metadata,
                package,
                self.source.provider,
                allow_files_without_hash=self.plan.request.download_files_without_hash,
                progress=progress,
                requested_id=self.source.model_id,
            )
        model = loaded.from_pretrained(str(directory), **options)
        if model is None:
            raise ModelLoadingError(
                f"Package {package.package_id!r} does not load: from_pretrained of {implementation.spec.target} "
                f"returned None. It must return the model; {implementation.plugin} must be corrected."
            )
        tell_package(model, self.found, bound)
        logger.info("Loaded package %s of %s (%s)", package.package_id, self.source, package.backend)
        return package, model

    def _bind(self, package: ModelPackageMetadata) -> BoundBackend:
        return BoundBackend(self.catalog, package, self.plan.request)

    def _init_options(self, loaded: Any, bound: BoundBackend, dependencies: dict[str, Any] | None) -> dict[str, Any]:
        package = bound.package
        offered: dict[str, Any] = {
            "open_session": bound.open_session,
            "toolkit": None,  # made when it comes to loading: it may import the runtime
            "backend": package.backend,
            "device": self.plan.request.device,
            "package": package,
            "model_features": package.model_features,
            "recommended_parameters": package.recommended_parameters or self.metadata.recommended_parameters,
        }
        if dependencies is not None:
            offered["model_dependencies"] = dependencies
        backends = self.catalog.backends()
        for_sessions = {name for row in backends for name in row.spec.session_options}
        given = {name: value for name, value in self.options.extra.items() if name not in for_sessions}
        own_session_options = self.catalog.backend(package.backend).spec.session_options
        return init_options(loaded, offered, given, str(self.source), own_session_options)

    def _check_dependency_names(self) -> None:
        """Raise InvalidParameterError when arguments are given for a model that this one does not need."""
        unknown = set(self.options.dependency_models_params) - {one.name for one in self.metadata.model_dependencies}
        if unknown:
            name = min(unknown)
            known = [dependency.name for dependency in self.metadata.model_dependencies]
            raise InvalidParameterError(
                f"dependency_models_params= names {name!r}, which is no dependency of {self.source}. "
                f"{describe_choices(name, known)}"
            )

    def _load_dependencies(self, unless_needed: ExitStack) -> dict[str, Any]:
        """Return the models that this one needs, by name. They may have no dependencies of their own.

        Args:
            unless_needed: closes those that were loaded if it comes to nothing.
        """
        if not self.options.allow_loading_dependency_models:
            names = ", ".join(dependency.name for dependency in self.metadata.model_dependencies)
            raise InvalidParameterError(
                f"{self.source} needs other models ({names}), and loading them is switched off "
                f"(allow_loading_dependency_models=False), as it is for models that are dependencies themselves."
            )
        loaded = {}
        for one in self.metadata.model_dependencies:
            loaded[one.name] = model = self._load_dependency(one)
            if callable(close := getattr(model, "close", None)):
                unless_needed.callback(close)
        return loaded

    def _load_dependency(self, dependency: ModelDependency) -> Any:
        inherited = {name: getattr(self.options, name) for name in _INHERITED}
        given = self.options.dependency_models_params.get(dependency.name, {})
        forced = {
            "weights_provider": self.source.provider,
            "model_package_id": dependency.model_package_id,
            "allow_loading_dependency_models": False,
            # The provider wrote this id. As a path it would name files that the user did not, and those are trusted.
            "allow_direct_local_storage_loading": False,
        }
        return load(dependency.model_id, LoadOptions.from_keywords({**inherited, **given, **forced}))


_INHERITED = (
    "api_key",
    "device",
    "allow_untrusted_packages",
    "download_files_without_hash",
    "use_auto_resolution_cache",
    "auto_resolution_cache",
    "weights_provider_extra_query_params",
    "weights_provider_extra_headers",
    "verbose",
)


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InvalidParameterError(f"{name}= takes a whole number of at least 1, not {value!r}.")
    return value
