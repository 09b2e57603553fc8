"""From the index's JSON to `ModelMetadata`. What is missing or of a wrong type is named, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from acme_provider.ids import AcmeId
from inference_models import BaseInferenceModelsError, ModelRetrievalError
from inference_models.developer_tools import (
    FileDownloadSpecs,
    ModelMetadata,
    ModelPackageMetadata,
    ONNXPackageDetails,
    UnreadablePackage,
)

Value = TypeVar("Value")
AskForFile = Callable[[AcmeId, str, str], Any]
"""`(model, package id, file)` -> the row about that file, with a fresh address."""


def read_ids(document: Any) -> list[str]:
    """Return the ids of the models that the index lists. Raises: ModelRetrievalError."""
    rows = _take(document, "models", list)
    return [f"{_take(row, 'name', str)}@{version}" for row in rows for version in _take(row, "versions", list)]


def read_model(document: Any, asked: AcmeId, ask_for_file: AskForFile) -> ModelMetadata:
    """Return the model that a document of the index describes.

    A package that cannot be read is listed as unreadable, with the reason; the others still load.

    Args:
        document: the parsed JSON.
        asked: the model that it should be about.
        ask_for_file: gets fresh addresses when those in the document have expired.

    Raises:
        ModelRetrievalError: the model as a whole cannot be read, or is another one.
    """
    model = AcmeId(_take(document, "name", str), _take(document, "version", int))
    if model.name != asked.name or asked.version not in (None, model.version):
        raise ModelRetrievalError(f"Asked for '{asked}', Acme's index answered about '{model}'. Tell Acme's support.")
    facts = {
        "weights_license": _take(document, "license", str),
        "source": _take_if_there(document, "datasheet", str) or None,
        "version": str(model.version),
        "trusted_source": _take(document, "released", bool),
    }
    packages, unreadable = [], []
    for number, row in enumerate(_take(document, "packages", list)):
        try:
            packages.append(_read_package(row, model, facts, ask_for_file))
        except (BaseInferenceModelsError, ValueError) as error:
            name = row.get("id") if isinstance(row, dict) else None
            unreadable.append(UnreadablePackage(str(name or f"package {number}"), str(error)))
    return ModelMetadata(
        model_id=str(model),
        model_architecture=_take(document, "architecture", str),
        task_type=_take(document, "task", str),
        model_packages=packages,
        unreadable_packages=unreadable,
    )


def _read_package(row: Any, model: AcmeId, facts: dict[str, Any], ask_for_file: AskForFile) -> ModelPackageMetadata:
    package_id = _take(row, "id", str)
    batch_size = _take_if_there(row, "batch_size", int)  # missing: any size
    opset = _take_if_there(row, "opset", int)
    return ModelPackageMetadata(
        package_id=package_id,
        backend=_take(row, "backend", str),
        quantization=_take(row, "quantization", str),
        static_batch_size=batch_size,
        dynamic_batch_size_supported=batch_size is None,
        backend_details=None if opset is None else ONNXPackageDetails(opset),
        package_artefacts=[
            _read_file(file, partial(ask_for_file, model, package_id, _take(file, "name", str)))
            for file in _take(row, "files", list)
        ],
        **facts,
    )


def _read_file(row: Any, ask_again: Callable[[], Any]) -> FileDownloadSpecs:
    """Return a file that the store can ask a fresh address for, as often as the signature expires.

    The hash that counts is the first one: another file under a fresh address does not pass for this one.
    """
    return FileDownloadSpecs(
        download_url=_take(row, "url", str),
        file_handle=_take(row, "name", str),
        sha256_hash=_take(row, "sha256", str),
        size=_take(row, "size", int),
        refresh=lambda: _read_file(ask_again(), ask_again),
    )


def _take(row: Any, key: str, kind: type[Value]) -> Value:
    """Return `row[key]`. Raises: ModelRetrievalError when it is missing, empty or of another type."""
    value = _take_if_there(row, key, kind)
    if value is None or value == "":
        raise _unusable(key, kind, value)
    return value


def _take_if_there(row: Any, key: str, kind: type[Value]) -> Value | None:
    """Return `row[key]`, None when it is missing. Raises: ModelRetrievalError when it is of another type."""
    value = row.get(key) if isinstance(row, dict) else None
    # True is an int to Python, and none to Acme.
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise _unusable(key, kind, value)
    return value


def _unusable(key: str, kind: type, found: object) -> ModelRetrievalError:
    return ModelRetrievalError(
        f"Acme's index answered without a usable {key!r}: expected {kind.__name__}, found {type(found).__name__}. "
        f"Tell Acme's support."
    )
