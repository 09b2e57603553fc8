"""Whether an ONNX package can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from im_backend_onnx.diagnosis import warn_once
from im_backend_onnx.providers import EXECUTION_PROVIDERS, Device, parse_device, parse_providers, plan_attempts
from inference_models import DeviceUnavailableError, InvalidParameterError
from inference_models.developer_tools import BackendType, ONNXPackageDetails

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def check(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why the package cannot run here, None when nothing speaks against it."""
    facts = environment.backend(BackendType.ONNX).facts
    details = package.backend_details if isinstance(package.backend_details, ONNXPackageDetails) else None
    return (
        _opset_reason(details, facts.get("max_opset"), facts.get("version"))
        or _provider_reason(details, facts.get("execution_providers"), request)
        or _gpu_reason(environment, request)
    )


def _opset_reason(details: ONNXPackageDetails | None, newest: object, version: object) -> str | None:
    if details is None or not isinstance(newest, int) or details.opset <= newest:
        return None
    return (
        f"it needs ONNX operator set {details.opset}, and the installed ONNX Runtime {version} runs operator sets "
        f"up to {newest}: update onnxruntime"
    )


def _provider_reason(details: ONNXPackageDetails | None, available: object, request: Request) -> str | None:
    requested = request.options.get("onnx_execution_providers")
    try:
        plan_attempts(
            device=_device(request),
            requested=parse_providers(requested),
            available=available if isinstance(available, Collection) else (),
            incompatible=details.incompatible_providers if details else (),
        )
    except (DeviceUnavailableError, InvalidParameterError) as error:
        if requested is None and request.device is None and EXECUTION_PROVIDERS.is_set:
            warn_once(error.message)  # nobody asked this call for it, so another backend may be chosen without a word
        return error.message
    return None


def _gpu_reason(environment: Environment, request: Request) -> str | None:
    device = _device(request)
    if device is None or device.kind != "cuda" or environment.jetson is not None:
        return None  # NVML of older Jetson releases does not list their GPU
    count = len(environment.gpus)
    if count == 0:
        return f"device {request.device!r} was asked for and no NVIDIA GPU was found: {environment.gpu_problem}"
    if device.index is not None and device.index >= count:
        return f"device {request.device!r} was asked for and the highest that this process can use is cuda:{count - 1}"
    return None


def _device(request: Request) -> Device | None:
    return None if request.device is None else parse_device(request.device)
