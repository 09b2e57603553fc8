"""The manifest that Roboflow's API gives: `hf-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_models.developer_tools import BackendType, ManifestFields


def parse(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    It says nothing about batches: these models take any number of images.

    Raises:
        CorruptedModelPackageError: a field is missing or has the wrong type; the message names it.
    """
    fields = ManifestFields(manifest)
    fields.require_backend("hf", BackendType.HF)
    return {
        "backend": BackendType.HF.value,
        "quantization": fields.quantization(),
        "dynamic_batch_size_supported": True,
    }
