"""The manifest that Roboflow's API gives for an engine, type `trt-model-package-v1`; `im compile` writes it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from im_backend_trt.versions import is_version
from inference_models.developer_tools import BackendType, ManifestFields, TRTPackageDetails

_WHAT = "TensorRT package manifest"

TYPE = "trt-model-package-v1"
SERVER, JETSON = "gpu-server", "jetson"
SPECS = {SERVER: "gpu-server-specs-v1", JETSON: "jetson-machine-specs-v1"}


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the message names it.
    """
    fields = ManifestFields(manifest, _WHAT)
    fields.require_backend(BackendType.TRT)
    batch = _batch(fields)
    return {
        "backend": BackendType.TRT.value,
        "quantization": fields.quantization(),
        "backend_details": _details(fields, batch.pop("opt_dynamic_batch_size")),
        **batch,
    }


def _batch(fields: ManifestFields) -> dict[str, Any]:
    size = fields.static_batch_size()
    if size is not None:
        return {"dynamic_batch_size_supported": False, "static_batch_size": size, "opt_dynamic_batch_size": None}
    names = ("minBatchSize", "optBatchSize", "maxBatchSize")
    smallest, usual, largest = (fields.count(name, ", as dynamicBatchSize is true") for name in names)
    if not smallest <= usual <= largest:
        raise fields.wrong("optBatchSize", f"a number from minBatchSize ({smallest}) to maxBatchSize ({largest})")
    return {
        "dynamic_batch_size_supported": True,
        "static_batch_size": None,
        "min_dynamic_batch_size": smallest,
        "max_dynamic_batch_size": largest,
        "opt_dynamic_batch_size": usual,
    }


def _details(fields: ManifestFields, usual_batch: int | None) -> TRTPackageDetails:
    machine, specs = fields.get("machineType"), _specs(fields)
    device = _text("cudaDeviceType", fields)
    on_jetson = machine == JETSON
    return TRTPackageDetails(
        trt_version=_version("trtVersion", fields),
        device_name=None if device is None else device.lower(),
        compute_capability=_version("cudaDeviceCC", fields),
        cuda_version=_version("cudaVersion", fields),
        driver_version=_version("driverVersion", specs),
        os_version=None if on_jetson else _text("osVersion", specs),
        l4t_version=_version("l4tVersion", specs) if on_jetson else None,
        jetson_module=_text("deviceName", specs) if on_jetson else None,
        same_cc_compatible=_flag("sameCCCompatible", fields),
        trt_forward_compatible=_flag("trtForwardCompatible", fields),
        trt_lean_runtime_excluded=_flag("trtLeanRuntimeExcluded", fields),
        opt_dynamic_batch_size=usual_batch,
    )


def _specs(fields: ManifestFields) -> ManifestFields:
    """Return what is said about the machine, once it is of the kind that the manifest names."""
    machine, specs = fields.get("machineType"), fields.get("machineSpecs")
    if machine is None and specs is None:
        return ManifestFields({}, _WHAT)
    if not isinstance(machine, str) or machine not in SPECS:
        raise fields.wrong("machineType", " or ".join(map(repr, SPECS)))
    if not isinstance(specs, Mapping) or specs.get("type") != SPECS[machine]:
        raise fields.wrong("machineSpecs", f"an object of type {SPECS[machine]!r}, as machineType is {machine!r}")
    return ManifestFields(specs, _WHAT)


def _text(field: str, fields: ManifestFields) -> str | None:
    value = fields.get(field)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise fields.wrong(field, "a text, or nothing")
    return value


def _version(field: str, fields: ManifestFields) -> str | None:
    value = _text(field, fields)
    if value is not None and not is_version(value):
        raise fields.wrong(field, 'a version such as "10.12.0.36", or nothing')
    return value


def _flag(field: str, fields: ManifestFields) -> bool:
    value = fields.get(field)
    if value is not None and not isinstance(value, bool):
        raise fields.wrong(field, "true or false, or nothing")
    return bool(value)
