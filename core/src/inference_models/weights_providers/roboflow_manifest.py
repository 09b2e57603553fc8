"""What Roboflow's API says about a model: its form, and how packages become metadata.

A package's manifest is for the plugin of its backend to read (`BackendSpec.manifest_parsers`). One package that cannot
be read is a verdict with a reason and hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import asdict, field, fields_dict, frozen, make_class

from inference_models.catalog import Catalog, Declared, install_hint
from inference_models.entities import BackendType
from inference_models.errors import BaseInferenceModelsError, PluginConflictError
from inference_models.metadata import (
    FileDownloadSpecs,
    ModelPackageMetadata,
    RecommendedParameters,
    UnreadablePackage,
)
from inference_models.specs import BackendSpec, resolve
from inference_models.stated import card_labels
from inference_models.weights_providers.wire import MD5, Cursor, Identifier, WireError, redact_text, shown, structure

__all__ = ["ModelDocument", "read_manifest", "read_model", "read_packages"]

_LONGEST_REASON = 600

# For reasons only: what would read a manifest when no installed plugin does.
_BACKENDS: Mapping[str, str] = {
    "onnx-model-package-v1": BackendType.ONNX,
    "trt-model-package-v1": BackendType.TRT,
    "torch-model-package-v1": BackendType.TORCH,
    "torch-script-model-package-v1": BackendType.TORCH_SCRIPT,
    "hf-model-package-v1": BackendType.HF,
    "mediapipe-model-package-v1": BackendType.MEDIAPIPE,
    "ultralytics-model-package-v1": "ultralytics",
}
_OTHER_DEVICES = {
    "oak-model-package-v1": "for OAK cameras, which run it themselves",
    "tfjs-model-package-v1": "for browsers",
}


@frozen
class _File:
    file_handle: str
    download_url: str = field(repr=False)
    md5_hash: MD5 | None = None


@frozen
class _Package:
    package_id: Identifier
    package_manifest: dict[str, Any]
    package_files: list[_File]
    type: Literal["external-model-package-v1"] = "external-model-package-v1"
    model_features: dict[str, Any] | None = None
    trusted_source: bool = False
    recommended_parameters: RecommendedParameters | None = None


# The envelope may state a model card as well, under the names of the package's fields in camelCase.
_CARD = {name: field(default=None, type=str) for name in card_labels(ModelPackageMetadata)}
_Card = make_class("_Card", _CARD, frozen=True)


@frozen
class _Dependency:
    name: Identifier
    model_id: str
    type: Literal["model-dependency-v1"] = "model-dependency-v1"
    model_package_id: Identifier | None = None


@frozen
class ModelDocument:
    """One page of what the API says about a model. The packages are not looked at yet.

    Attributes:
        model_packages: each as it came.
        next_page: where the packages go on; None or empty on the last page.
    """

    model_id: str
    model_architecture: str
    model_packages: list[Any]
    type: Literal["external-model-metadata-v1"] = "external-model-metadata-v1"
    model_variant: str | None = None
    task_type: str | None = None
    model_dependencies: list[_Dependency] | None = None
    recommended_parameters: RecommendedParameters | None = None
    next_page: Cursor | None = None


def read_model(document: object) -> ModelDocument:
    """Read the envelope of the API's answer. Raises: WireError, which names each key that is wrong."""
    content = document.get("modelMetadata") if isinstance(document, dict) else None
    if content is None:
        raise WireError(f'expected an object with "modelMetadata", found {shown(document)}')
    return structure(content, ModelDocument, "modelMetadata")


def read_packages(
    raw_packages: Iterable[object], catalog: Catalog, address: Callable[[str], str]
) -> tuple[list[ModelPackageMetadata], list[UnreadablePackage]]:
    """Read every package of a model.

    Args:
        raw_packages: each as it came, in the provider's order.
        catalog: whose backends read the manifests.
        address: what a download address becomes; raises `BaseInferenceModelsError` for one that is not allowed.

    Returns:
        The packages that can be read, and a verdict for each of the others.
    """
    packages: list[ModelPackageMetadata] = []
    unreadable: list[UnreadablePackage] = []
    for number, raw in enumerate(raw_packages, start=1):
        try:
            packages.append(_package(raw, catalog, address))
        except _UnreadableError as error:
            unreadable.append(
                UnreadablePackage(_id_of(raw, number), _shortened(redact_text(str(error))), error.backend)
            )
    return packages, unreadable


def read_manifest(manifest: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return the fields of `ModelPackageMetadata` that a manifest states, "backend" among them.

    Args:
        manifest: as the provider sent it, with its "type".
        catalog: whose backends read it.

    Raises:
        ValueError: no installed plugin reads manifests of its type, several do, or it is malformed.
    """
    declared = _reader(manifest, catalog)
    backend = declared.spec.name
    try:
        stated = resolve(declared.spec.manifest_parsers[manifest["type"]])(manifest)
        fields = dict(stated)
    except BaseInferenceModelsError as error:
        raise _UnreadableError(error.message, backend) from None
    except Exception as error:
        raise _UnreadableError(
            f"the manifest parser of {declared.plugin} failed on it: {type(error).__name__}: {error}. This is a fault "
            f"of that plugin; report it to whoever publishes it.",
            backend,
        ) from error
    strange = sorted(set(map(str, fields)) - _STATED_BY_MANIFESTS)
    if strange:
        raise _UnreadableError(
            f"the manifest parser of {declared.plugin} states {', '.join(strange)}, which are not for a manifest to "
            f"state. This is a fault of that plugin; report it to whoever publishes it.",
            backend,
        )
    return {"backend": backend, **fields}


_ENVELOPE = {
    "package_id",
    "package_artefacts",
    "trusted_source",
    "model_features",
    "recommended_parameters",
    "directory",
    "manifest",
}
_STATED_BY_MANIFESTS = set(fields_dict(ModelPackageMetadata)) - _ENVELOPE


class _UnreadableError(ValueError):
    """Why a package cannot be read, and for which backend it is, as far as that is known."""

    def __init__(self, reason: str, backend: str = "unknown") -> None:
        super().__init__(reason)
        self.backend = backend


def _package(raw: object, catalog: Catalog, address: Callable[[str], str]) -> ModelPackageMetadata:
    backend = _backend_of(raw)
    try:
        package = structure(raw, _Package)
        card = asdict(structure(raw, _Card))
        files = [
            _file(file, address, f"packageFiles[{index}].downloadUrl")
            for index, file in enumerate(package.package_files)
        ]
    except WireError as error:
        raise _UnreadableError(str(error), backend) from None
    fields = read_manifest(package.package_manifest, catalog)
    try:
        return ModelPackageMetadata(
            package_id=package.package_id,
            package_artefacts=files,
            trusted_source=package.trusted_source,
            model_features=package.model_features,
            recommended_parameters=package.recommended_parameters,
            manifest=package.package_manifest,
            **{**card, **fields},
        )
    except BaseInferenceModelsError as error:
        raise _UnreadableError(error.message, fields["backend"]) from None
    except (TypeError, ValueError) as error:
        raise _UnreadableError(
            f"packageManifest: {error.args[0] if error.args else error}", fields["backend"]
        ) from None


def _file(file: _File, address: Callable[[str], str], path: str) -> FileDownloadSpecs:
    try:
        return FileDownloadSpecs(address(file.download_url), file.file_handle, file.md5_hash)
    except BaseInferenceModelsError as error:
        raise WireError(f"{path}: {error.message}") from None


def _reader(manifest: Mapping[str, Any], catalog: Catalog) -> Declared[BackendSpec]:
    """Return the one backend that reads the manifest."""
    kind = manifest.get("type")
    backend = _backend_of({"packageManifest": manifest})
    if not isinstance(kind, str):
        raise _UnreadableError(f"packageManifest.type: expected a text, found {shown(kind)}", backend)
    try:
        reader = catalog.manifest_reader(kind, backend)
    except PluginConflictError as error:
        raise _UnreadableError(error.message, backend) from None
    if reader is not None:
        return reader
    if kind in _OTHER_DEVICES:
        raise _UnreadableError(f"packages of type {shown(kind)} are {_OTHER_DEVICES[kind]}.", backend)
    stated = manifest.get("backendType")
    for_backend = f" (backendType {shown(stated)})" if stated is not None else ""
    hint = install_hint("backends", backend) or " A newer version of this library may bring one."
    raise _UnreadableError(f"no installed plugin reads packages of type {shown(kind)}{for_backend}.{hint}", backend)


def _backend_of(raw: object) -> str:
    """Return the backend of a package as far as it can be told; never fails."""
    manifest = raw.get("packageManifest") if isinstance(raw, dict) else None
    if not isinstance(manifest, Mapping):
        return "unknown"
    kind, stated = manifest.get("type"), manifest.get("backendType")
    if isinstance(kind, str) and kind in _BACKENDS:
        return str(_BACKENDS[kind])
    return stated if isinstance(stated, str) and stated.isprintable() and 0 < len(stated) < 40 else "unknown"


def _id_of(raw: object, number: int) -> str:
    package_id = raw.get("packageId") if isinstance(raw, dict) else None
    if isinstance(package_id, str) and package_id and package_id.isprintable():
        return package_id[:255]
    return f"(package {number} of the list, without a usable id)"


def _shortened(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 3]}..."
