"""The manifest that Roboflow's API gives for an ONNX package, type `onnx-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import BackendType, ONNXPackageDetails, Quantization, parse_quantization


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    if manifest.get("backendType") != BackendType.ONNX:
        raise _wrong("backendType", manifest, "'onnx'")
    dynamic = manifest.get("dynamicBatchSize")
    if not isinstance(dynamic, bool):
        raise _wrong("dynamicBatchSize", manifest, "true or false")
    size = manifest.get("staticBatchSize")
    if dynamic and size is not None:
        raise _wrong("staticBatchSize", manifest, "nothing, as dynamicBatchSize is true")
    if not dynamic and not _is_count(size):
        raise _wrong("staticBatchSize", manifest, "a whole number above 0, as dynamicBatchSize is false")
    return {
        "backend": BackendType.ONNX.value,
        "quantization": _quantization(manifest),
        "dynamic_batch_size_supported": dynamic,
        "static_batch_size": size,
        "backend_details": ONNXPackageDetails(
            opset=_opset(manifest), incompatible_providers=_incompatible_providers(manifest)
        ),
    }


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    value = manifest.get("quantization")
    if not isinstance(value, str):
        raise _wrong("quantization", manifest, "the name of one")
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}") from None


def _opset(manifest: Mapping[str, Any]) -> int:
    value = manifest.get("opset")
    if not _is_count(value):
        raise _wrong("opset", manifest, "a whole number above 0")
    return value


def _incompatible_providers(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    value = manifest.get("incompatibleProviders")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _wrong("incompatibleProviders", manifest, "a list of names")
    return tuple(value)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"ONNX package manifest, field {field!r}: expected {expected}, got {got}. Whoever published the package "
        f"must correct it."
    )
