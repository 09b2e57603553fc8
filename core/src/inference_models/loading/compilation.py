"""From a package that one backend runs to one that another runs: chosen, compiled, published whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inference_models.compiling import CompileOptions, CompileProgress
from inference_models.entities import PACKAGE_CONFIG_NAME
from inference_models.errors import (
    BackendUnavailable,
    BaseInferenceModelsError,
    InvalidParameterError,
    ModelCompilationError,
    NoModelPackagesAvailableError,
)
from inference_models.loading.metadata import find_model
from inference_models.loading.options import LoadOptions
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.stated import card_of

if TYPE_CHECKING:
    from inference_models.catalog import Catalog, Declared
    from inference_models.environment import Environment
    from inference_models.specs import BackendSpec
    from inference_models.weights_providers import ModelSource


@frozen
class CompiledPackage:
    """A package that was made on this machine.

    Attributes:
        provider: name of the model's weights provider.
        metadata: the model.
        package: what is known about the new package.
        directory: where it lies.
        made_from: id of the package that it was made from.
    """

    provider: str
    metadata: ModelMetadata
    package: ModelPackageMetadata
    directory: Path
    made_from: str


def compile_model(
    model: str,
    backend: str,
    *,
    weights_provider: str | None = None,
    package_id: str | None = None,
    allow_untrusted_packages: bool = False,
    options: CompileOptions | None = None,
    output: Path | None = None,
    progress: CompileProgress | None = None,
) -> CompiledPackage:
    """Make a package of a model for a backend. It is there when this returns; after an error, nothing is.

    Args:
        model: as `AutoModel.from_pretrained` takes it, or the path of the network in a package directory.
        backend: the one to make it for.
        weights_provider: where an id without `name://` is looked up.
        package_id: make it from this package. None: from the one that suits best.
        allow_untrusted_packages: also from one that its provider does not vouch for. The new one is trusted no more.
        options: what it should be.
        output: an empty or new directory for it, to be loaded by its path. None: into the cache, where the next load of
            the model considers it; a model that is a directory needs an output.
        progress: is told how far it is.

    Raises:
        BackendUnavailable: the backend does not work here.
        InvalidParameterError: nothing can be compiled for the backend, or `output` cannot be it.
        NoModelPackagesAvailableError: no package of the model can be compiled; lists each with the reason.
        ModelCompilationError: the backend cannot compile it.
    """
    from inference_models.catalog import current_catalog
    from inference_models.environment import current_environment
    from inference_models.weights_providers import find_source

    catalog, environment = current_catalog(), current_environment()
    target = _target(backend, catalog, environment)
    source = _package_of_file(find_source(model, weights_provider))
    _check_output(source, output)
    wishes = LoadOptions(allow_untrusted_packages=allow_untrusted_packages, use_auto_resolution_cache=False)
    metadata = find_model(source, wishes, catalog, environment, wishes.make_request(catalog)).metadata
    job = _Job(catalog, environment, target, source, metadata, options or CompileOptions(), wishes)
    return job.run(package_id, output, progress or (lambda _step, _share=None: None))


def _target(backend: str, catalog: Catalog, environment: Environment) -> Declared[BackendSpec]:
    declared = catalog.backend(backend)
    if declared.spec.compile is None:
        able = sorted(row.spec.name for row in catalog.backends() if row.spec.compile is not None)
        raise InvalidParameterError(
            f"Packages for the backend {backend!r} cannot be made here: {declared.plugin} does not offer it. Backends "
            f"that can: {', '.join(able) or 'none of those that are installed'}."
        )
    status = environment.backend(declared.spec.name)
    if not status.available:
        raise BackendUnavailable(f"Backend {backend!r} is unavailable: {status.reason}", status.fix)
    return declared


def _package_of_file(source: ModelSource) -> ModelSource:
    """Return the directory where `source` is a file in a package directory: the rest of the package says what it is."""
    path = Path(source.model_id)
    if not (source.is_local and path.is_file() and (path.parent / PACKAGE_CONFIG_NAME).is_file()):
        return source
    return evolve(source, model_id=str(path.parent))


def _check_output(source: ModelSource, output: Path | None) -> None:
    if source.is_local and Path(source.model_id).is_file():
        raise InvalidParameterError(
            f"{source.model_id} is a file, and a network alone is no model: nothing says what goes in and what comes "
            f"out. Make a package directory of it (the documentation says how to package a network), and name that."
        )
    if output is None:
        if source.is_local:
            raise InvalidParameterError(
                f"{source.model_id} is a directory, so its compiled package needs one, too: name it (--output)."
            )
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InvalidParameterError(f"{output} exists and is not an empty directory. Name another one.")


@frozen
class _Job:
    """What is known before the work begins."""

    catalog: Catalog
    environment: Environment
    target: Declared[BackendSpec]
    source: ModelSource
    metadata: ModelMetadata
    options: CompileOptions
    wishes: LoadOptions

    def run(self, package_id: str | None, output: Path | None, progress: CompileProgress) -> CompiledPackage:
        """Choose, fetch, compile, publish."""
        from inference_models.download.progress import show_progress
        from inference_models.store import materialise
        from inference_models.store.builds import publish_build, publish_directory, staged

        chosen = self._choose(package_id)
        with show_progress() as bars:
            directory = materialise(
                self.metadata, chosen, self.source.provider, progress=bars, requested_id=self.source.model_id
            )
        place = self._place(chosen) if output is None else output.absolute()
        with staged(place) as staging:
            manifest = self._compile(directory, staging, chosen, progress)
            package = self._describe(manifest, chosen, place)
            self._write_config(staging, package)
            progress("publishing", None)
            if output is None:
                origin = f"{self.source}, package {chosen.package_id}"
                publish_build(staging, place, self.source.provider, self.metadata, package=package, origin=origin)
            else:
                publish_directory(staging, place)
        return CompiledPackage(self.source.provider, self.metadata, package, place, chosen.package_id)

    def _choose(self, package_id: str | None) -> ModelPackageMetadata:
        """Return the package that suits best: full precision, any batch size, nothing built in."""
        reasons = {package.package_id: package.reason for package in self.metadata.unreadable_packages}
        usable = []
        for package in self.metadata.model_packages:
            reason = self._why_not(package, package_id)
            if reason is None:
                usable.append(package)
            else:
                reasons[package.package_id] = reason
        if not usable:
            listed = "".join(f"\n  - {name}: {reason}" for name, reason in reasons.items()) or " it has none."
            raise NoModelPackagesAvailableError(
                f"No package of model {self.metadata.model_id!r} can be compiled for {self.target.spec.name}:{listed}"
            )
        precise = ("fp32", "unknown")
        return min(
            usable,
            key=lambda one: (
                precise.index(one.quantization) if one.quantization in precise else len(precise),
                bool(one.model_features),
                not one.dynamic_batch_size_supported,
                one.package_id,
            ),
        )

    def _why_not(self, package: ModelPackageMetadata, package_id: str | None) -> str | None:
        from inference_models.negotiation.context import Context
        from inference_models.negotiation.filters import has_implementation, is_trusted
        from inference_models.negotiation.permission import is_permitted

        spec = self.target.spec
        if package_id not in {None, package.package_id}:
            return f"another package was asked for: {package_id!r}"
        if package.backend not in spec.compiles:
            return f"it is for {package.backend}; packages for {spec.name} are made from {', '.join(spec.compiles)}"
        context = Context(self.metadata, self.catalog, self.environment, self.wishes.make_request(self.catalog))
        as_compiled = evolve(package, backend=spec.name)
        return (
            is_permitted(package, context)  # what compiles it opens it first
            or is_permitted(as_compiled, context)
            or is_trusted(package, context)
            or has_implementation(as_compiled, context)
        )

    def _place(self, chosen: ModelPackageMetadata) -> Path:
        """Return where the package lies in the cache: the same for the same wishes, machine and version."""
        from hashlib import sha256

        from inference_models.store import cache_root
        from inference_models.store.builds import PREFIX
        from inference_models.store.layout import package_directory

        spec, options = self.target.spec, self.options
        quantization = options.quantization or chosen.quantization
        facts = [
            chosen.package_id,
            options.device,
            options.batch_size,
            str(self.environment.backend(spec.name).facts.get("version")),
            [gpu.name for gpu in self.environment.gpus],
        ]
        digest = sha256(json.dumps(facts).encode()).hexdigest()[:8]
        name = f"{PREFIX}{spec.name}-{quantization}-{digest}"
        return package_directory(cache_root(), self.source.provider, self.metadata.model_id, name)

    def _compile(
        self, directory: Path, staging: Path, chosen: ModelPackageMetadata, progress: CompileProgress
    ) -> dict[str, Any]:
        from inference_models.specs import resolve

        assert self.target.spec.compile is not None, "looked at before"
        try:
            manifest: Mapping[str, Any] = resolve(self.target.spec.compile)(
                directory, staging, package=chosen, options=self.options, progress=progress
            )
            return dict(manifest)
        except BaseInferenceModelsError:
            raise
        except Exception as error:
            raise ModelCompilationError(
                f"{self.target.plugin} failed on package {chosen.package_id!r}: {type(error).__name__}: {error}. "
                f"Report this to whoever publishes that plugin."
            ) from error

    def _describe(self, manifest: dict[str, Any], chosen: ModelPackageMetadata, place: Path) -> ModelPackageMetadata:
        from inference_models.weights_providers.roboflow_manifest import read_manifest

        try:
            return ModelPackageMetadata(
                package_id=place.name,
                trusted_source=chosen.trusted_source,
                model_features=chosen.model_features,
                recommended_parameters=chosen.recommended_parameters,
                directory=place,
                manifest=manifest,
                **{**card_of(chosen), **read_manifest(manifest, self.catalog)},
            )
        except (ValueError, TypeError, BaseInferenceModelsError) as error:
            raise ModelCompilationError(
                f"{self.target.plugin} made a package and cannot read what it says about it: {error} Report this to "
                f"whoever publishes that plugin."
            ) from error

    def _write_config(self, staging: Path, package: ModelPackageMetadata) -> None:
        """Say what the directory holds, so that it can be loaded by its path."""
        from inference_models.entities import PACKAGE_CONFIG_NAME
        from inference_models.store.description import describe, local_config

        text = json.dumps(local_config(describe(self.metadata, package)), indent=2)
        (staging / PACKAGE_CONFIG_NAME).write_text(f"{text}\n", "utf-8")
