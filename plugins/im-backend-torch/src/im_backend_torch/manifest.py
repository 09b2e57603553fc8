"""The manifests that Roboflow's API gives: `torch-model-package-v1` and `torch-script-model-package-v1`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import BackendType, Quantization, TorchScriptPackageDetails, parse_quantization


def parse_torch(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest of a PyTorch package states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    return _common(manifest, BackendType.TORCH)


def parse_torch_script(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest of a TorchScript package states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    return {
        **_common(manifest, BackendType.TORCH_SCRIPT),
        "backend_details": TorchScriptPackageDetails(
            supported_device_types=_device_types(manifest),
            torch_version=_version("torchVersion", manifest),
            torch_vision_version=(
                None if manifest.get("torchVisionVersion") is None else _version("torchVisionVersion", manifest)
            ),
        ),
    }


def _common(manifest: Mapping[str, Any], backend: BackendType) -> dict[str, object]:
    if manifest.get("backendType") != backend:
        raise _wrong("backendType", manifest, repr(backend.value))
    dynamic = manifest.get("dynamicBatchSize")
    if not isinstance(dynamic, bool):
        raise _wrong("dynamicBatchSize", manifest, "true or false")
    size = manifest.get("staticBatchSize")
    if dynamic and size is not None:
        raise _wrong("staticBatchSize", manifest, "nothing, as dynamicBatchSize is true")
    if not dynamic and not _is_count(size):
        raise _wrong("staticBatchSize", manifest, "a whole number above 0, as dynamicBatchSize is false")
    return {
        "backend": backend.value,
        "quantization": _quantization(manifest),
        "dynamic_batch_size_supported": dynamic,
        "static_batch_size": size,
    }


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    value = manifest.get("quantization")
    if not isinstance(value, str):
        raise _wrong("quantization", manifest, "the name of one")
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}") from None


def _device_types(manifest: Mapping[str, Any]) -> frozenset[str]:
    value = manifest.get("supportedDeviceTypes")
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise _wrong("supportedDeviceTypes", manifest, 'a list of kinds such as "cpu" and "cuda"')
    return frozenset(name.lower() for name in value)


def _version(field: str, manifest: Mapping[str, Any]) -> str:
    value = manifest.get(field)
    if not isinstance(value, str) or not re.match(r"\d", value):
        raise _wrong(field, manifest, 'a version such as "2.6.0"')
    return value


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"Package manifest, field {field!r}: expected {expected}, got {got}. Whoever published the package must "
        f"correct it."
    )
