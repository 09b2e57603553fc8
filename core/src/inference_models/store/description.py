"""What a provider said about a package, as JSON that is kept with its files, and read again without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, fields

from inference_models.backend_details import TRTPackageDetails
from inference_models.errors import CorruptedModelPackageError
from inference_models.metadata import (
    ModelDependency,
    ModelMetadata,
    ModelPackageMetadata,
    ONNXPackageDetails,
    RecommendedParameters,
    TorchScriptPackageDetails,
)
from inference_models.stated import stated_fields

if TYPE_CHECKING:
    from inference_models.catalog import Catalog

__all__ = ["describe", "local_config", "rebuild_model", "rebuild_package"]

# Fields of a package that need more than being written down; all others hold plain values.
_SPECIAL = frozenset(
    {"package_id", "package_artefacts", "directory", "quantization", "recommended_parameters", "backend_details"}
)
# Details that can be written down as they are, by the name under which they are.
_KINDS: Mapping[str, type[Any]] = {
    "onnx": ONNXPackageDetails,
    "torch-script": TorchScriptPackageDetails,
    "trt": TRTPackageDetails,
}


def describe(metadata: ModelMetadata, package: ModelPackageMetadata) -> dict[str, Any]:
    """Return what is known about a package and its model as values that JSON has.

    What JSON lacks is left out and named under "lost": such a package cannot be rebuilt.
    """
    described: dict[str, Any] = {
        "model": {
            "architecture": metadata.model_architecture,
            "task_type": metadata.task_type,
            "variant": metadata.model_variant,
            "dependencies": [asdict(dependency) for dependency in metadata.model_dependencies],
            "recommended_parameters": _parameters(metadata.recommended_parameters),
        },
        "package": {
            "quantization": package.quantization.value,
            "recommended_parameters": _parameters(package.recommended_parameters),
            "proof": _proof(package),
        },
    }
    lost = []
    details = _details(package)
    for name, value in (*((name, getattr(package, name)) for name in _plain_fields()), ("backend_details", details)):
        try:
            described["package"][name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            lost.append(name)
    if package.backend_details is not None and package.manifest is None and details is None:
        lost.append("backend_details")
    return described if not lost else {**described, "lost": lost}


def local_config(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a described package as the file that lets it be loaded by its path."""
    model, package = description["model"], description["package"]
    stated = {
        "model_architecture": model["architecture"],
        "task_type": model["task_type"],
        "backend_type": package["backend"],
        "quantization": package["quantization"],
        **{name: package.get(name) for name in stated_fields(ModelPackageMetadata)},
        "model_features": package.get("model_features") or None,
        "recommended_parameters": package["recommended_parameters"] or model["recommended_parameters"],
        "manifest": package.get("manifest"),
    }
    return {key: value for key, value in stated.items() if value is not None}


def rebuild_model(
    model_id: str, description: Mapping[str, Any], packages: tuple[ModelPackageMetadata, ...], **rest: Any
) -> ModelMetadata:
    """Return the model of which `description` is one package's. Raises: CorruptedModelPackageError."""
    try:
        model = description["model"]
        return ModelMetadata(
            model_id=model_id,
            model_architecture=model["architecture"],
            model_packages=packages,
            task_type=model["task_type"],
            model_variant=model["variant"],
            model_dependencies=[ModelDependency(**dependency) for dependency in model["dependencies"]],
            recommended_parameters=_read_parameters(model["recommended_parameters"]),
            **rest,
        )
    except (KeyError, TypeError, ValueError, AttributeError, CorruptedModelPackageError) as error:
        raise _unusable(model_id, error) from error


def rebuild_package(
    package_id: str, description: Mapping[str, Any] | None, directory: Path, catalog: Catalog
) -> ModelPackageMetadata:
    """Return the package that `description` describes and whose files lie in `directory`.

    Raises:
        CorruptedModelPackageError: the description is missing, lacks something, or is malformed.
    """
    if description is None:
        raise CorruptedModelPackageError(
            "what its provider said about it was not kept; load it once with the network on"
        )
    if lost := description.get("lost"):
        raise CorruptedModelPackageError(f"its {' and '.join(map(str, lost))} could not be kept on disk")
    try:
        row = description["package"]
        manifest = row.get("manifest")
        return ModelPackageMetadata(
            package_id=package_id,
            directory=directory,
            quantization=row["quantization"],
            backend_details=_read_details(row, manifest, catalog),
            recommended_parameters=_read_parameters(row["recommended_parameters"]),
            **{name: row[name] for name in _plain_fields() if name in row},
        )
    except Exception as error:  # also what a plugin's parser raises
        raise _unusable(package_id, error) from error


@cache
def _plain_fields() -> tuple[str, ...]:
    return tuple(one.name for one in fields(ModelPackageMetadata) if one.name not in _SPECIAL)


def _details(package: ModelPackageMetadata) -> dict[str, Any] | None:
    """Return the details of those kinds that the core itself knows; others are read again from the raw manifest."""
    for kind, details in _KINDS.items():
        if isinstance(package.backend_details, details):
            return {"kind": kind, "fields": asdict(package.backend_details, value_serializer=_plain)}
    return None


def _plain(_instance: object, _attribute: object, value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _read_details(row: Mapping[str, Any], manifest: Mapping[str, Any] | None, catalog: Catalog) -> object | None:
    from inference_models.specs import resolve

    if manifest is not None:
        kind = manifest.get("type", "")
        reader = catalog.manifest_reader(kind, row["backend"])
        if reader is not None:
            details: object = resolve(reader.spec.manifest_parsers[kind])(manifest).get("backend_details")
            return details
        if any(declared.spec.name == row["backend"] for declared in catalog.backends()):
            raise ValueError(f"no installed plugin reads a manifest of type {kind!r}")
    kept = row.get("backend_details")
    if kept is None or kept["kind"] not in _KINDS:
        return None
    rebuilt: object = _KINDS[kept["kind"]](**kept["fields"])
    return rebuilt


def _proof(package: ModelPackageMetadata) -> str | None:
    """Return the weakest proof of any file that is fetched: "sha256", "md5" or "none"; None where none is fetched."""
    if package.directory is not None or not package.package_artefacts:
        return None
    ranks = {0 if not file.has_hash else 1 if file.sha256_hash is None else 2 for file in package.package_artefacts}
    return ("none", "md5", "sha256")[min(ranks)]


def _parameters(parameters: RecommendedParameters | None) -> dict[str, Any] | None:
    return None if parameters is None else asdict(parameters)


def _read_parameters(document: Mapping[str, Any] | None) -> RecommendedParameters | None:
    return None if document is None else RecommendedParameters(**document)


def _unusable(name: str, error: Exception) -> CorruptedModelPackageError:
    return CorruptedModelPackageError(f"what was kept about {name!r} is malformed ({type(error).__name__}: {error})")
