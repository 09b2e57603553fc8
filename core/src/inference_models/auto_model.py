"""`AutoModel`: the way from an id to a ready model, one call per stage. The stages do not know each other."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inference_models.errors import (
    InvalidParameterError,
    ModelImplementationNotFoundError,
    ModelPackageAlternativesExhaustedError,
    describe_choices,
)
from inference_models.signatures import accepted_keywords, keep_accepted

if TYPE_CHECKING:
    from inference_models.catalog import Catalog
    from inference_models.entities import Quantization
    from inference_models.environment import Environment
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata
    from inference_models.negotiation import Plan, Request, Verdict
    from inference_models.sessions import Session
    from inference_models.weights_providers import ModelSource

logger = logging.getLogger(__name__)


class AutoModel:
    """Loads a model with one line, on the best backend that this machine has."""

    @classmethod
    def from_pretrained(  # noqa: PLR0917 (the order in which existing code passes them)
        cls,
        model_id_or_path: str | os.PathLike[str],
        weights_provider: str | None = None,
        api_key: str | None = None,
        model_package_id: str | None = None,
        backend: str | Iterable[str] | None = None,
        batch_size: int | tuple[int, int] | None = None,
        quantization: str | Quantization | Iterable[str | Quantization] | None = None,
        device: object = None,
        allow_untrusted_packages: bool = False,
        max_package_loading_attempts: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a ready model.

        Args:
            model_id_or_path: an id (`"yolov8n-640"`, `"demo://shapes"`), or the directory of a model package
                as a `Path` or as text that is absolute or starts with `.` or `~`.
            weights_provider: where an id without `name://` is looked up. Default: "roboflow".
            api_key: for the weights provider; when None, it looks in its own environment variable.
            model_package_id: load this package and no other.
            backend: "onnx", "torch", ... or several in order of preference; only these are considered.
            batch_size: images per run that the package must take: a number, or (smallest, largest).
            quantization: "fp32", "fp16", ... or several; only these are considered.
            device: "cpu", "cuda", "cuda:1", "mps" or a `torch.device`; an error if it cannot be had.
                When None the backend takes the best there is.
            allow_untrusted_packages: also load packages that their provider does not vouch for.
            max_package_loading_attempts: how many packages are tried when one fails to load. Default: all.
            **kwargs: for the backend (such as `onnx_execution_providers`) or the model's own `from_pretrained`.

        Returns:
            An instance of the class that the model's plugin declares, for object detection an
            `ObjectDetectionModel`.

        Raises:
            ModelRetrievalError: the provider is missing, failed, or does not know the id.
            ModelPackageNegotiationError: no package can run here; the message lists each with its reason.
            ModelLoadingError: the chosen package does not load (`CorruptedModelPackageError`), or several were
                tried and none loads (`ModelPackageAlternativesExhaustedError`).
            DeviceUnavailableError: `device` cannot be had.
            InvalidParameterError: an argument has a wrong value, or nothing accepts its name.
        """
        way = _Way.find(
            model_id_or_path,
            weights_provider,
            api_key,
            kwargs,
            model_package_id=model_package_id,
            backend=backend,
            batch_size=batch_size,
            quantization=quantization,
            device=device,
            allow_untrusted_packages=allow_untrusted_packages,
        )
        attempts = _positive("max_package_loading_attempts", max_package_loading_attempts)
        return way.load(way.plan.require_candidates()[:attempts])

    @classmethod
    def explain(
        cls,
        model_id_or_path: str | os.PathLike[str],
        weights_provider: str | None = None,
        api_key: str | None = None,
        **kwargs: Any,
    ) -> Plan:
        """Return what `from_pretrained` with the same arguments would decide, and load nothing.

        Returns:
            A verdict for every package: usable and how ranked, or rejected and why.

        Raises:
            As `from_pretrained`, except that a model without any usable package is no error here.
        """
        kwargs.pop("max_package_loading_attempts", None)
        requested = {name: kwargs.pop(name) for name in _REQUEST_ARGUMENTS if name in kwargs}
        return _Way.find(model_id_or_path, weights_provider, api_key, kwargs, **requested).plan

    @classmethod
    def describe_model(
        cls, model_id_or_path: str | os.PathLike[str], weights_provider: str | None = None, api_key: str | None = None
    ) -> ModelMetadata:
        """Print what the weights provider knows about a model, and return it. Raises: ModelRetrievalError."""
        from inference_models.describe import print_model
        from inference_models.weights_providers import get_model_from_provider

        metadata = get_model_from_provider(model_id_or_path, weights_provider, api_key)
        print_model(metadata)
        return metadata

    @classmethod
    def describe_runtime(cls) -> Environment:
        """Print what this machine can run, and for the rest why not; return the same as an object."""
        from inference_models.describe import print_environment
        from inference_models.environment import current_environment

        environment = current_environment()
        print_environment(environment)
        return environment

    describe_compute_environment = describe_runtime


_REQUEST_ARGUMENTS = (
    "model_package_id",
    "backend",
    "batch_size",
    "quantization",
    "device",
    "allow_untrusted_packages",
)


@frozen
class _Way:
    """One walk from an id to a model: what each stage found, handed to the next."""

    source: ModelSource
    catalog: Catalog
    metadata: ModelMetadata
    plan: Plan
    model_options: Mapping[str, Any]

    @classmethod
    def find(
        cls,
        model_id_or_path: str | os.PathLike[str],
        weights_provider: str | None,
        api_key: str | None,
        options: Mapping[str, Any],
        **requested: Any,
    ) -> _Way:
        """Go as far as the plan."""
        from inference_models.catalog import current_catalog
        from inference_models.environment import current_environment
        from inference_models.negotiation import make_request, negotiate
        from inference_models.weights_providers import find_source
        from inference_models.weights_providers.core import get_model_metadata

        source = find_source(model_id_or_path, weights_provider)
        catalog = current_catalog()
        backends = [row.spec for row in catalog.backends()]
        for_sessions = {name for spec in backends for name in spec.session_options}
        request = make_request(
            known_backends=[spec.name for spec in backends],
            options={name: value for name, value in options.items() if name in for_sessions},
            **requested,
        )
        metadata = get_model_metadata(source, catalog, api_key)
        plan = negotiate(metadata, catalog, current_environment(), request)
        model_options = {name: value for name, value in options.items() if name not in for_sessions}
        return cls(source, catalog, metadata, plan, model_options)

    def load(self, candidates: Iterable[Verdict]) -> Any:
        """Return the first candidate that loads."""
        errors: dict[str, Exception] = {}
        for verdict in candidates:
            package_id = verdict.package.package_id
            try:
                return self._load(verdict)
            except InvalidParameterError:
                raise  # a mistake of the caller; another package would not mend it
            except Exception as error:
                logger.warning("Package %s of %s does not load: %s", package_id, self.source, error)
                errors[package_id] = error
        if len(errors) == 1:
            raise next(iter(errors.values()))
        listed = "\n".join(f"  - {name}: {type(error).__name__}: {error}" for name, error in errors.items())
        raise ModelPackageAlternativesExhaustedError(
            f"None of the {len(errors)} packages of model {self.metadata.model_id!r} that fit this machine loads:\n"
            f"{listed}",
            alternatives_errors=tuple(errors.values()),
        )

    def _load(self, verdict: Verdict) -> Any:
        from inference_models.metadata import ModelPackageMetadata
        from inference_models.store import materialise

        package = verdict.package
        assert isinstance(package, ModelPackageMetadata), "only usable packages are loaded"
        from_pretrained = self._implementation(verdict)
        options = self._init_options(from_pretrained, package)
        directory = materialise(self.metadata, package, self.source.provider)
        model = from_pretrained(str(directory), **options)
        logger.info("Loaded package %s of %s (%s)", package.package_id, self.source, package.backend)
        return model

    def _implementation(self, verdict: Verdict) -> Any:
        from inference_models.specs import resolve

        assert verdict.implementation is not None, "only usable packages are loaded"
        from_pretrained = getattr(resolve(verdict.implementation.spec.target), "from_pretrained", None)
        if not callable(from_pretrained):
            raise ModelImplementationNotFoundError(
                f"{verdict.implementation.spec.target} of {verdict.implementation.plugin} has no from_pretrained "
                f"method, so it cannot load a model. The plugin must be corrected."
            )
        return from_pretrained

    def _init_options(self, from_pretrained: Any, package: ModelPackageMetadata) -> dict[str, Any]:
        """Return what the core offers, as far as the implementation wants it, and what the user gave."""
        offered = {
            "open_session": _SessionOpener(self.catalog, package, self.plan.request),
            "backend": package.backend,
            "device": self.plan.request.device,
            "package": package,
            "model_features": package.model_features,
            "recommended_parameters": package.recommended_parameters or self.metadata.recommended_parameters,
        }
        accepted = accepted_keywords(from_pretrained)
        for name in self.model_options:
            if name in offered or (accepted is not None and name not in accepted):
                own = (accepted or frozenset()) - set(offered) - {"model_name_or_path"}
                session_options = self.catalog.backend(package.backend).spec.session_options
                raise InvalidParameterError(
                    f"Nothing accepts {name}= for {self.source}. "
                    f"{describe_choices(name, sorted({*own, *session_options, *_OWN_ARGUMENTS}))}"
                )
        return {**keep_accepted(from_pretrained, offered), **self.model_options}


_OWN_ARGUMENTS = (*_REQUEST_ARGUMENTS, "weights_provider", "api_key", "max_package_loading_attempts")


@frozen
class _SessionOpener:
    """Opens a package in the backend that negotiation chose, with the device and options asked for."""

    catalog: Catalog
    package: ModelPackageMetadata
    request: Request

    def __call__(self, directory: str | Path) -> Session:
        """Open the package in `directory`."""
        from inference_models.specs import resolve

        package = self.package
        declared = self.catalog.backend(package.backend)
        if declared.spec.open_session is None:
            raise ModelImplementationNotFoundError(
                f"Backend {package.backend!r} of {declared.plugin} provides no sessions, and the model's plugin asks "
                f"for one. One of the two plugins must be corrected."
            )
        options = {name: value for name, value in self.request.options.items() if name in declared.spec.session_options}
        session: Session = resolve(declared.spec.open_session)(
            Path(directory), device=self.request.device, package=package, options=options
        )
        return session


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise InvalidParameterError(f"{name}= takes a whole number of at least 1, not {value!r}.")
    return value
