"""`AutoModel`: what users call. The way from an id to a model is in `loading`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inference_models.errors import InvalidParameterError

if TYPE_CHECKING:
    from inference_models.entities import Quantization
    from inference_models.environment import Environment
    from inference_models.metadata import ModelMetadata, ModelPackageMetadata
    from inference_models.negotiation import Plan
    from inference_models.store import AutoResolutionCache
    from inference_models.store.offline import OfflineArtefactVerification, OfflineModelStatus


class AutoModel:
    """Loads a model with one line, on the best backend that this machine has."""

    @classmethod
    def from_pretrained(  # noqa: PLR0917 (the order in which existing code passes them)
        cls,
        model_id_or_path: str | os.PathLike[str] | None = None,
        weights_provider: str | None = None,
        api_key: str | None = None,
        model_package_id: str | None = None,
        backend: str | Iterable[str] | None = None,
        batch_size: int | tuple[int, int] | None = None,
        quantization: str | Quantization | Iterable[str | Quantization] | None = None,
        device: object = None,
        nms_fusion_preferences: bool | Mapping[str, Any] | None = None,
        allow_untrusted_packages: bool = False,
        allow_local_code_packages: bool = False,
        allow_direct_local_storage_loading: bool = True,
        allow_loading_dependency_models: bool = True,
        dependency_models_params: Mapping[str, Mapping[str, Any]] | None = None,
        download_files_without_hash: bool = False,
        use_auto_resolution_cache: bool = True,
        auto_resolution_cache: AutoResolutionCache | None = None,
        max_package_loading_attempts: int | None = None,
        weights_provider_extra_query_params: Sequence[tuple[str, str]] | None = None,
        weights_provider_extra_headers: Mapping[str, str] | None = None,
        verbose: bool = False,
        *,
        model_name_or_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a ready model.

        Args:
            model_id_or_path: an id (`"yolov8n-640"`, `"demo://shapes"`), or the directory of a model package
                as a `Path` or as text that is absolute or starts with `.` or `~`; also a single file, a training
                checkpoint, with `model_type=` saying what it is.
            weights_provider: where an id without `name://` is looked up. Default: "roboflow".
            api_key: for the weights provider; when None, it looks in its own environment variable.
            model_package_id: load this package and no other.
            backend: "onnx", "torch", ... or several in order of preference; only these are considered.
            batch_size: images per run that the package must take: a number, or (smallest, largest).
            quantization: "fp32", "fp16", ... or several; only these are considered.
            device: "cpu", "cuda", "cuda:1", "mps" or a `torch.device`; an error if it cannot be had.
                When None the backend takes the best there is.
            nms_fusion_preferences: packages whose network drops overlapping boxes itself are rejected unless
                this is True (with the usual thresholds) or names the thresholds that it must have, each a
                number or (lowest, highest).
            allow_untrusted_packages: also load packages that their provider does not vouch for.
            allow_local_code_packages: let a local package run the code that it brings (`model_module`).
            allow_direct_local_storage_loading: False refuses paths, for servers that take ids from strangers.
            allow_loading_dependency_models: load the other models that this one needs.
            dependency_models_params: arguments of `from_pretrained` for single dependencies, by name.
            download_files_without_hash: also fetch files for which the provider states no hash.
            use_auto_resolution_cache: remember what was decided, so that the next load asks nobody.
            auto_resolution_cache: where that is remembered. Default: files in the cache directory.
            max_package_loading_attempts: how many packages are tried when one fails to load. Default: all.
            weights_provider_extra_query_params: for the weights provider, if it takes them.
            weights_provider_extra_headers: for the weights provider, if it takes them.
            verbose: show the progress of downloads on stderr.
            model_name_or_path: the same as `model_id_or_path`, by the name that other libraries give it.
            **kwargs: for the backend (such as `onnx_execution_providers`) or the model's own `from_pretrained`.

        Returns:
            An instance of the class that the model's plugin declares, for object detection an
            `ObjectDetectionModel`. Its `loaded_from` says which package it is and what it runs on.

        Raises:
            ModelRetrievalError: the provider is missing, failed, or does not know the id.
            ModelPackageNegotiationError: no package can run here; the message lists each with its reason.
            ModelLoadingError: the chosen package does not load (`CorruptedModelPackageError`), or several were
                tried and none loads (`ModelPackageAlternativesExhaustedError`).
            DeviceUnavailableError: `device` turns out to be unusable when the package is opened. Where that is
                known before, it is the reason of each package in the NoModelPackagesAvailableError.
            InvalidParameterError: an argument has a wrong value, or nothing accepts its name.
            PolicyViolationError: the policy in force forbids the provider, the path, an argument, or an origin. What it
                has against packages is a NoModelPackagesAvailableError.
        """
        from inference_models.loading import LoadOptions, load, one_spelling

        model = one_spelling("model", model_id_or_path=model_id_or_path, model_name_or_path=model_name_or_path)
        options = LoadOptions(
            weights_provider=weights_provider,
            api_key=api_key,
            model_package_id=model_package_id,
            backend=backend,
            batch_size=batch_size,
            quantization=quantization,
            device=device,
            nms_fusion_preferences=nms_fusion_preferences,
            allow_untrusted_packages=allow_untrusted_packages,
            allow_local_code_packages=allow_local_code_packages,
            allow_direct_local_storage_loading=allow_direct_local_storage_loading,
            allow_loading_dependency_models=allow_loading_dependency_models,
            dependency_models_params=dependency_models_params,
            download_files_without_hash=download_files_without_hash,
            use_auto_resolution_cache=use_auto_resolution_cache,
            auto_resolution_cache=auto_resolution_cache,
            max_package_loading_attempts=max_package_loading_attempts,
            weights_provider_extra_query_params=weights_provider_extra_query_params,
            weights_provider_extra_headers=weights_provider_extra_headers,
            verbose=verbose,
            extra=kwargs,
        )
        return load(model, options)

    @classmethod
    def explain(
        cls,
        model_id_or_path: str | os.PathLike[str] | None = None,
        *,
        model_name_or_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> Plan:
        """Return what `from_pretrained` with the same arguments would decide, and load nothing.

        Returns:
            A verdict for every package: usable and how ranked, or rejected and why.

        Raises:
            BaseInferenceModelsError: what `from_pretrained` raises; not that no package is usable. And for a directory
                with code of its own an InvalidParameterError: there is nothing to decide.
        """
        from inference_models.loading import LoadOptions, make_plan, one_spelling

        model = one_spelling("model", model_id_or_path=model_id_or_path, model_name_or_path=model_name_or_path)
        return make_plan(model, LoadOptions.from_keywords(kwargs))

    @classmethod
    def describe_model(
        cls,
        model_id_or_path: str | os.PathLike[str] | None = None,
        weights_provider: str | None = None,
        api_key: str | None = None,
        *,
        model_id: str | os.PathLike[str] | None = None,
        **provider_options: Any,
    ) -> ModelMetadata:
        """Print what the weights provider knows about a model, and return it.

        Args:
            model_id_or_path: as `from_pretrained` takes it.
            weights_provider: where an id without `name://` is looked up.
            api_key: for the weights provider.
            model_id: the same as `model_id_or_path`, by the name that code written for Roboflow's library gives it.
            **provider_options: for the weights provider, if it takes them.

        Raises:
            ModelRetrievalError: the provider is missing, failed, or does not know the id.
            InvalidParameterError: it is a directory with code of its own, about which nothing else is known; or the
                provider does not take an option.
        """
        from inference_models.describe import print_model
        from inference_models.loading import one_spelling

        model = one_spelling("model", model_id_or_path=model_id_or_path, model_id=model_id)
        metadata = _look_up(model, weights_provider, api_key, provider_options)
        print_model(metadata)
        return metadata

    @classmethod
    def describe_model_package(
        cls,
        model_id_or_path: str | os.PathLike[str] | None = None,
        package_id: str = "",
        weights_provider: str | None = None,
        api_key: str | None = None,
        *,
        model_id: str | os.PathLike[str] | None = None,
        **provider_options: Any,
    ) -> ModelPackageMetadata:
        """Print all that is known about one package of a model, and return it.

        Args:
            model_id_or_path: as `from_pretrained` takes it.
            package_id: which package; must be given.
            weights_provider: where an id without `name://` is looked up.
            api_key: for the weights provider.
            model_id: the same as `model_id_or_path`, by the name that code written for Roboflow's library gives it.
            **provider_options: for the weights provider, if it takes them.

        Raises:
            ModelRetrievalError: the provider is missing, failed, or does not know the id.
            NoModelPackagesAvailableError: the model has no such package.
            InvalidParameterError: no model or package is named, or the provider does not take an option.
        """
        from inference_models.describe import print_model_package
        from inference_models.loading import one_spelling

        model = one_spelling("model", model_id_or_path=model_id_or_path, model_id=model_id)
        if package_id == "":
            raise InvalidParameterError("Name the package with package_id=; describe_model lists those that there are.")
        return print_model_package(_look_up(model, weights_provider, api_key, provider_options), package_id)

    @classmethod
    def describe_runtime(cls) -> Environment:
        """Print what this machine can run, and for the rest why not; return the same as an object."""
        from inference_models.describe import print_environment
        from inference_models.environment import current_environment

        environment = current_environment()
        print_environment(environment)
        return environment

    describe_compute_environment = describe_runtime

    @classmethod
    def list_available_models(cls, weights_provider: str | None = None) -> dict[str, list[str]]:
        """Print the models that the weights providers list, and return their ids by provider.

        Args:
            weights_provider: ask this one only. Default: all that can list; one that fails is left out with a warning.

        Raises:
            WeightsProviderNotFoundError: there is no such provider.
            ModelRetrievalError: the provider `weights_provider` failed, or cannot list.
        """
        from inference_models.describe import print_available_models
        from inference_models.weights_providers import list_available_models

        models = list_available_models(weights_provider)
        print_available_models(models)
        return models

    @classmethod
    def list_offline_models(cls) -> list[OfflineModelStatus]:
        """Print the models in the cache and whether they can be loaded without a network; return the same."""
        from inference_models.describe import print_offline_models
        from inference_models.store.offline import list_offline_models

        models = list_offline_models()
        print_offline_models(models)
        return models

    @classmethod
    def verify_offline_model(cls, model_id: str, check_hashes: bool = False) -> list[OfflineArtefactVerification]:
        """Print the state of each file of a model in the cache, and return the same.

        Args:
            model_id: `provider://id`, or an id of the default provider.
            check_hashes: read every byte. False: only look whether each file is there and was not touched.

        Raises:
            ModelNotFoundError: the cache has no such model.
        """
        from inference_models.describe import print_offline_verification
        from inference_models.store.offline import verify_offline_model

        files = verify_offline_model(model_id, check_hashes)
        print_offline_verification(files)
        return files


def _look_up(
    model: str | os.PathLike[str], weights_provider: str | None, api_key: str | None, options: Mapping[str, Any]
) -> ModelMetadata:
    from inference_models.loading import look_up_model

    for name, meant in {"model": "model_id_or_path", "provider": "weights_provider"}.items():
        if name in options:
            raise InvalidParameterError(f"There is no argument {name}=. Did you mean {meant!r}?")
    return look_up_model(model, weights_provider, api_key, **options)
