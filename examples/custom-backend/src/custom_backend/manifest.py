"""The manifest of a package in OpenVINO's intermediate representation; `im compile` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import Quantization, parse_quantization

BACKEND = "openvino"
TYPE = "openvino-ir-package-v1"


@frozen
class OpenVINOPackageDetails:
    """What only this backend understands about a package.

    Attributes:
        openvino_version: of the release that wrote it, for example "2026.4.1".
    """

    openvino_version: str


def make_manifest(version: str, quantization: Quantization, batch: tuple[int | None, int | None]) -> dict[str, Any]:
    """Return the manifest of a package.

    Args:
        version: of the OpenVINO that wrote it.
        quantization: of its weights.
        batch: the smallest and the largest number of images per run; two equal numbers fix it, None is no limit.
    """
    smallest, largest = batch
    return {
        "type": TYPE,
        "backendType": BACKEND,
        "openvinoVersion": version,
        "quantization": quantization.value,
        "minBatchSize": smallest,
        "maxBatchSize": largest,
    }


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the message names it.
    """
    if manifest.get("backendType") != BACKEND:
        raise _wrong("backendType", manifest, repr(BACKEND))
    version = manifest.get("openvinoVersion")
    if not isinstance(version, str) or not version:
        raise _wrong("openvinoVersion", manifest, 'a version such as "2026.4.1"')
    smallest, largest = _count("minBatchSize", manifest), _count("maxBatchSize", manifest)
    if smallest is not None and largest is not None and smallest > largest:
        raise _wrong("minBatchSize", manifest, f"at most maxBatchSize ({largest})")
    is_fixed = smallest is not None and smallest == largest
    return {
        "backend": BACKEND,
        "quantization": _quantization(manifest),
        "dynamic_batch_size_supported": not is_fixed,
        "static_batch_size": smallest if is_fixed else None,
        "min_dynamic_batch_size": None if is_fixed else smallest,
        "max_dynamic_batch_size": None if is_fixed else largest,
        "backend_details": OpenVINOPackageDetails(version),
    }


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    try:
        return parse_quantization(str(manifest.get("quantization")))
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}") from None


def _count(field: str, manifest: Mapping[str, Any]) -> int | None:
    value = manifest.get(field)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise _wrong(field, manifest, "a whole number above 0, or nothing")
    return value


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"OpenVINO package manifest, field {field!r}: expected {expected}, got {got}. Compile the package again."
    )
