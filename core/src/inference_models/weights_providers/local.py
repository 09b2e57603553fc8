"""The provider of local package directories: `model_config.json` and the files beside it."""

from __future__ import annotations

import json
from pathlib import Path
from stat import S_ISDIR
from typing import Any

from inference_models.entities import PACKAGE_CONFIG_NAME, Quantization
from inference_models.errors import CorruptedModelPackageError, ModelNotFoundError, UnknownQuantizationError
from inference_models.metadata import (
    ModelMetadata,
    ModelPackageMetadata,
    RecommendedParameters,
    parse_quantization,
)
from inference_models.stated import stated_fields


def get_model(model_id: str, api_key: str | None = None) -> ModelMetadata:
    """Return the metadata of the package in the directory `model_id`: the user named it, so it is trusted.

    Args:
        model_id: the directory.
        api_key: not used.

    Raises:
        ModelNotFoundError: there is no such directory.
        CorruptedModelPackageError: `model_config.json` is missing or cannot be used.
    """
    return read_package_directory(Path(model_id))


def read_package_directory(directory: Path) -> ModelMetadata:
    """Return what `model_config.json` says about the package in a directory, as a model with this one package.

    For providers whose packages lie in directories. Whoever calls vouches for the directory: the package is marked as
    trusted. The format is that of the existing Roboflow library:
    `model_architecture` and `backend_type` are required; `task_type`, `model_features`, `quantization`,
    `recommended_parameters` and the `stated` fields of a package may be given. So may `manifest`, what the backend's
    own plugin reads about the package; of what both state, the manifest counts.

    Args:
        directory: holds the package. Its name becomes the package's id.

    Raises:
        ModelNotFoundError: there is no such directory.
        CorruptedModelPackageError: `model_config.json` is missing or cannot be used.
    """
    directory = directory.absolute()
    try:
        is_directory = S_ISDIR(directory.stat().st_mode)
    except OSError as error:
        raise ModelNotFoundError(
            f"There is no directory {directory} ({error.strerror}). Check the path; an id is written without ./ or /."
        ) from None
    if not is_directory:
        raise ModelNotFoundError(
            f"{directory} is a file. Name the directory of the model package instead; a training checkpoint is loaded "
            f"with AutoModel.from_pretrained(path, model_type=...)."
        )
    config = _Config(directory / PACKAGE_CONFIG_NAME)
    return ModelMetadata(
        model_id=str(directory),
        model_architecture=config.text("model_architecture"),
        task_type=config.text("task_type", required=False),
        model_packages=[_package(directory, config)],
    )


def _package(directory: Path, config: _Config) -> ModelPackageMetadata:
    try:
        return _described(directory, config)
    except CorruptedModelPackageError as error:
        if str(config.path) in error.message:
            raise
        raise CorruptedModelPackageError(f"{config.path}: {error.message}") from None


def _described(directory: Path, config: _Config) -> ModelPackageMetadata:
    manifest = config.value("manifest", dict)
    stated = {
        "backend": config.text("backend_type").lower(),
        "quantization": config.quantization(),
        **{name: config.plain(name, kind) for name, kind in stated_fields(ModelPackageMetadata).items()},
    }
    if manifest is not None:
        stated |= _stated_by_manifest(manifest, stated["backend"], config.path)
    return ModelPackageMetadata(
        package_id=directory.name or "package",
        model_features=config.value("model_features", dict),
        recommended_parameters=config.recommended_parameters(),
        trusted_source=True,
        directory=directory,
        manifest=manifest,
        **stated,
    )


def _stated_by_manifest(manifest: dict[str, Any], backend: str, path: Path) -> dict[str, Any]:
    """Return what the backend's plugin reads in a manifest; nothing when no installed plugin reads it."""
    from inference_models.catalog import current_catalog
    from inference_models.weights_providers.roboflow_manifest import read_manifest

    catalog, kind = current_catalog(), manifest.get("type")
    # What is no text is left to the reader, which says so.
    if isinstance(kind, str) and not any(kind in row.spec.manifest_parsers for row in catalog.backends()):
        return {}  # then the backend is not installed either, and negotiation says how to get it
    try:
        fields = read_manifest(manifest, catalog)
    except ValueError as error:
        raise CorruptedModelPackageError(f"{path}: 'manifest': {error} Correct or replace the file.") from None
    if fields["backend"] != backend:
        raise CorruptedModelPackageError(
            f"{path}: 'backend_type' is {backend!r} and 'manifest' is for {fields['backend']!r}. Correct the file."
        )
    return fields


class _Config:
    """A parsed `model_config.json` that says what is wrong with it, and where."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            document = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise CorruptedModelPackageError(
                f"{path.parent} has no {PACKAGE_CONFIG_NAME}, so it is not a model package. {_contents(path.parent)} "
                f'A minimal one: {{"model_architecture": "yolov8", "task_type": "object-detection", '
                f'"backend_type": "onnx"}}.'
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise CorruptedModelPackageError(f"{path} is not readable JSON: {error}. Correct or replace it.") from error
        if not isinstance(document, dict):
            raise self._wrong("the document", "an object", document)
        self.document: dict[str, Any] = document

    def value(self, key: str, kind: type[Any]) -> Any:
        """Return the value of `key` checked to be of `kind`; None when absent or null."""
        value = self.document.get(key)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self._wrong(f"{key!r}", f"a JSON {_JSON_NAMES[kind]}", value)
        return value

    def plain(self, key: str, kind: type[Any]) -> Any:
        """Return a number of at least 1, a non-empty text or a flag; None when absent."""
        if kind is str:
            return self.text(key, required=False)
        return self.count(key) if kind is int else self.value(key, kind)

    def text(self, key: str, *, required: bool = True) -> Any:
        """Return a non-empty string; None when it is not required and absent."""
        value = self.value(key, str)
        if (required and value is None) or value == "":
            raise self._wrong(f"{key!r}", "a non-empty string", value)
        return value

    def count(self, key: str) -> Any:
        """Return a whole number of at least 1; None when absent."""
        value = self.value(key, int)
        if value is not None and value < 1:
            raise self._wrong(f"{key!r}", "a number of at least 1", value)
        return value

    def quantization(self) -> Quantization:
        """Return the stated quantization, "unknown" when none is stated."""
        value = self.text("quantization", required=False)
        try:
            return Quantization.UNKNOWN if value is None else parse_quantization(value)
        except UnknownQuantizationError as error:
            raise CorruptedModelPackageError(f"{self.path}: {error.message}") from None

    def recommended_parameters(self) -> RecommendedParameters | None:
        """Return the recommended thresholds, None when there are none."""
        value = self.value("recommended_parameters", dict)
        if value is None:
            return None
        try:
            return RecommendedParameters(
                confidence=value.get("confidence"),
                per_class_confidence=value.get("perClassConfidence", value.get("per_class_confidence")),
            )
        except CorruptedModelPackageError as error:
            raise CorruptedModelPackageError(f"{self.path}: {error.message} Correct the file.") from None

    def _wrong(self, what: str, expected: str, got: object) -> CorruptedModelPackageError:
        return CorruptedModelPackageError(f"{self.path}: {what} must be {expected}, not {got!r}. Correct the file.")


def _contents(directory: Path) -> str:
    try:
        present = ", ".join(sorted(entry.name for entry in directory.iterdir())) or "nothing"
    except OSError as error:
        return f"What it holds cannot be listed ({error.strerror})."
    return f"It holds: {present}."


_JSON_NAMES = {str: "string", bool: "boolean", int: "number", dict: "object"}
