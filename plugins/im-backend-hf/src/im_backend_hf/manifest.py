"""The manifest that Roboflow's API gives: `hf-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import BackendType, Quantization, parse_quantization

_BACKEND_NAMES = ("hf", BackendType.HF.value)


def parse(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    It says nothing about batches: these models take any number of images.

    Raises:
        CorruptedModelPackageError: a field is missing or has the wrong type; the message names it.
    """
    if manifest.get("backendType") not in _BACKEND_NAMES:
        raise _wrong("backendType", manifest, "'hf'")
    return {
        "backend": BackendType.HF.value,
        "quantization": _quantization(manifest),
        "dynamic_batch_size_supported": True,
    }


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    value = manifest.get("quantization")
    if not isinstance(value, str):
        raise _wrong("quantization", manifest, "the name of one")
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}") from None


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"Package manifest, field {field!r}: expected {expected}, got {got}. Whoever published the package must "
        f"correct it."
    )
