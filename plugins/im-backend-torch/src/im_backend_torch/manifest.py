"""The manifests that Roboflow's API gives: `torch-model-package-v1` and `torch-script-model-package-v1`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inference_models.developer_tools import BackendType, ManifestFields, TorchScriptPackageDetails


def parse_torch(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest of a PyTorch package states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    return _common(ManifestFields(manifest), BackendType.TORCH)


def parse_torch_script(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest of a TorchScript package states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the
            message names it.
    """
    fields = ManifestFields(manifest)
    return {
        **_common(fields, BackendType.TORCH_SCRIPT),
        "backend_details": TorchScriptPackageDetails(
            supported_device_types=_device_types(fields),
            torch_version=_version("torchVersion", fields),
            torch_vision_version=(
                None if fields.get("torchVisionVersion") is None else _version("torchVisionVersion", fields)
            ),
        ),
    }


def _common(fields: ManifestFields, backend: BackendType) -> dict[str, object]:
    fields.require_backend(backend)
    size = fields.static_batch_size()
    return {
        "backend": backend.value,
        "quantization": fields.quantization(),
        "dynamic_batch_size_supported": size is None,
        "static_batch_size": size,
    }


def _device_types(fields: ManifestFields) -> frozenset[str]:
    value = fields.get("supportedDeviceTypes")
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise fields.wrong("supportedDeviceTypes", 'a list of kinds such as "cpu" and "cuda"')
    return frozenset(name.lower() for name in value)


def _version(field: str, fields: ManifestFields) -> str:
    value = fields.get(field)
    if not isinstance(value, str) or not re.match(r"\d", value):
        raise fields.wrong(field, 'a version such as "2.6.0"')
    return value
