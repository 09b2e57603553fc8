"""The manifest that Roboflow's API gives for an ONNX package, type `onnx-model-package-v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_models.developer_tools import BackendType, ManifestFields, ONNXPackageDetails


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    fields = ManifestFields(manifest, "ONNX package manifest")
    fields.require_backend(BackendType.ONNX)
    size = fields.static_batch_size()
    return {
        "backend": BackendType.ONNX.value,
        "quantization": fields.quantization(),
        "dynamic_batch_size_supported": size is None,
        "static_batch_size": size,
        "backend_details": ONNXPackageDetails(
            opset=fields.count("opset"), incompatible_providers=_incompatible_providers(fields)
        ),
    }


def _incompatible_providers(fields: ManifestFields) -> tuple[str, ...]:
    value = fields.get("incompatibleProviders")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise fields.wrong("incompatibleProviders", "a list of names")
    return tuple(value)
