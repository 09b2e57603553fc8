"""The manifest of a MediaPipe package, type `mediapipe-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_models import UnknownQuantizationError
from inference_models.developer_tools import BackendType, ManifestFields, Quantization, parse_quantization


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field cannot be used; the message names it.
    """
    fields = ManifestFields(manifest, "MediaPipe package manifest")
    fields.require_backend(BackendType.MEDIAPIPE)
    return {
        "backend": BackendType.MEDIAPIPE.value,
        "quantization": _quantization(fields),
        # MediaPipe takes one image after the other, so any number of them will do.
        "dynamic_batch_size_supported": True,
        "static_batch_size": None,
    }


def _quantization(fields: ManifestFields) -> Quantization:
    value = fields.get("quantization")
    if value is None:
        return Quantization.UNKNOWN
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise fields.wrong("quantization", f"one of {', '.join(Quantization)}, or nothing") from None
