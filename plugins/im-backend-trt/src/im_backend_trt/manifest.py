"""The manifest that Roboflow's API gives for an engine, type `trt-model-package-v1`; `im compile` writes it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from im_backend_trt.versions import is_version
from inference_models import CorruptedModelPackageError, UnknownQuantizationError
from inference_models.developer_tools import BackendType, Quantization, TRTPackageDetails, parse_quantization

TYPE = "trt-model-package-v1"
SERVER, JETSON = "gpu-server", "jetson"
SPECS = {SERVER: "gpu-server-specs-v1", JETSON: "jetson-machine-specs-v1"}


def parse_manifest(manifest: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of `ModelPackageMetadata` that the manifest states.

    Raises:
        CorruptedModelPackageError: a field is missing, has the wrong type or contradicts another; the message names it.
    """
    if manifest.get("backendType") != BackendType.TRT:
        raise _wrong("backendType", manifest, "'trt'")
    batch = _batch(manifest)
    return {
        "backend": BackendType.TRT.value,
        "quantization": _quantization(manifest),
        "backend_details": _details(manifest, batch.pop("opt_dynamic_batch_size")),
        **batch,
    }


def _batch(manifest: Mapping[str, Any]) -> dict[str, Any]:
    dynamic = manifest.get("dynamicBatchSize")
    if not isinstance(dynamic, bool):
        raise _wrong("dynamicBatchSize", manifest, "true or false")
    size = manifest.get("staticBatchSize")
    if not dynamic:
        if not _is_count(size):
            raise _wrong("staticBatchSize", manifest, "a whole number above 0, as dynamicBatchSize is false")
        return {"dynamic_batch_size_supported": False, "static_batch_size": size, "opt_dynamic_batch_size": None}
    if size is not None:
        raise _wrong("staticBatchSize", manifest, "nothing, as dynamicBatchSize is true")
    names = ("minBatchSize", "optBatchSize", "maxBatchSize")
    for name in names:
        if not _is_count(manifest.get(name)):
            raise _wrong(name, manifest, "a whole number above 0, as dynamicBatchSize is true")
    smallest, usual, largest = (manifest[name] for name in names)
    if not smallest <= usual <= largest:
        raise _wrong("optBatchSize", manifest, f"a number from minBatchSize ({smallest}) to maxBatchSize ({largest})")
    return {
        "dynamic_batch_size_supported": True,
        "static_batch_size": None,
        "min_dynamic_batch_size": smallest,
        "max_dynamic_batch_size": largest,
        "opt_dynamic_batch_size": usual,
    }


def _details(manifest: Mapping[str, Any], usual_batch: int | None) -> TRTPackageDetails:
    machine, specs = manifest.get("machineType"), _specs(manifest)
    device = _text("cudaDeviceType", manifest)
    on_jetson = machine == JETSON
    return TRTPackageDetails(
        trt_version=_version("trtVersion", manifest),
        device_name=None if device is None else device.lower(),
        compute_capability=_version("cudaDeviceCC", manifest),
        cuda_version=_version("cudaVersion", manifest),
        driver_version=_version("driverVersion", specs),
        os_version=None if on_jetson else _text("osVersion", specs),
        l4t_version=_version("l4tVersion", specs) if on_jetson else None,
        jetson_module=_text("deviceName", specs) if on_jetson else None,
        same_cc_compatible=_flag("sameCCCompatible", manifest),
        trt_forward_compatible=_flag("trtForwardCompatible", manifest),
        trt_lean_runtime_excluded=_flag("trtLeanRuntimeExcluded", manifest),
        opt_dynamic_batch_size=usual_batch,
    )


def _specs(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is said about the machine, once it is of the kind that the manifest names."""
    machine, specs = manifest.get("machineType"), manifest.get("machineSpecs")
    if machine is None and specs is None:
        return {}
    if machine not in SPECS:
        raise _wrong("machineType", manifest, " or ".join(map(repr, SPECS)))
    if not isinstance(specs, Mapping) or specs.get("type") != SPECS[machine]:
        raise _wrong("machineSpecs", manifest, f"an object of type {SPECS[machine]!r}, as machineType is {machine!r}")
    return specs


def _quantization(manifest: Mapping[str, Any]) -> Quantization:
    value = manifest.get("quantization")
    if not isinstance(value, str):
        raise _wrong("quantization", manifest, "the name of one")
    try:
        return parse_quantization(value)
    except UnknownQuantizationError:
        raise _wrong("quantization", manifest, f"one of {', '.join(Quantization)}") from None


def _text(field: str, manifest: Mapping[str, Any]) -> str | None:
    value = manifest.get(field)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise _wrong(field, manifest, "a text, or nothing")
    return value


def _version(field: str, manifest: Mapping[str, Any]) -> str | None:
    value = _text(field, manifest)
    if value is not None and not is_version(value):
        raise _wrong(field, manifest, 'a version such as "10.12.0.36", or nothing')
    return value


def _flag(field: str, manifest: Mapping[str, Any]) -> bool:
    value = manifest.get(field)
    if value is not None and not isinstance(value, bool):
        raise _wrong(field, manifest, "true or false, or nothing")
    return bool(value)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _wrong(field: str, manifest: Mapping[str, Any], expected: str) -> CorruptedModelPackageError:
    got = repr(manifest[field]) if field in manifest else "nothing"
    return CorruptedModelPackageError(
        f"TensorRT package manifest, field {field!r}: expected {expected}, got {got}. Whoever published the package "
        f"must correct it."
    )
