"""The manifest of a MediaPipe package, type `mediapipe-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import BackendType, Quantization, parse_quantization


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field cannot be used; the message names it.
    """
    if manifest.get("backendType") != BackendType.MEDIAPIPE:
        raise _wrong("backendType", manifest, "'mediapipe'")
    return {
        "backend": BackendType.MEDIAPIPE.value,
        "quantization": _quantization(manifest),
        # MediaPipe takes one image after the other, so any number of them will do.
        "dynamic_batch_size_supported": True,
        "static_batch_size": None,
    }


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    value = manifest.get("quantization")
    if value is None:
        return Quantization.UNKNOWN
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}, or nothing") from None


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"MediaPipe package manifest, field {field!r}: expected {expected}, got {got}. Whoever published the package "
        f"must correct it."
    )
