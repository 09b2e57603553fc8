"""Whether a package can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from im_backend_torch.detection import INSTALL_CUDA, release
from inference_models import InvalidParameterError
from inference_models.developer_tools import (
    TORCH_DEVICE_KINDS,
    BackendType,
    Quantization,
    TorchDevice,
    TorchScriptPackageDetails,
    parse_torch_device,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request


def check_torch(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why a PyTorch package cannot run here, None when nothing speaks against it."""
    facts = environment.backend(BackendType.TORCH).facts
    return _device_reason(request.device, TORCH_DEVICE_KINDS, facts, environment)


def check_torch_script(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why a TorchScript package cannot run here, None when nothing speaks against it."""
    facts = environment.backend(BackendType.TORCH_SCRIPT).facts
    details = package.backend_details if isinstance(package.backend_details, TorchScriptPackageDetails) else None
    supported = details.supported_device_types if details else frozenset(TORCH_DEVICE_KINDS)
    return (
        (_version_reason(details, facts) if details else None)
        or _device_reason(request.device, supported, facts, environment)
        or _half_precision_reason(package, request.device, supported, facts, environment)
    )


def _version_reason(details: TorchScriptPackageDetails, facts: Mapping[str, object]) -> str | None:
    installed = facts.get("version")
    if isinstance(installed, str) and release(installed) < release(details.torch_version):
        return f"it needs torch {details.torch_version} or newer, and {installed} is installed: update torch"
    needed = details.torch_vision_version
    if needed is None:
        return None
    vision, problem = facts.get("torchvision"), facts.get("torchvision_problem")
    if not isinstance(vision, str):
        # A release of torchvision works with one release of torch, and with its kind of build.
        return (
            f"it uses operators of torchvision {needed} or newer, and {problem or 'torchvision is not installed'}: "
            f"install the torchvision that is made for torch {installed}, from the index that torch came from, as "
            f"https://pytorch.org/get-started/locally says"
        )
    if release(vision) < release(needed):
        return f"it needs torchvision {needed} or newer, and {vision} is installed: update torchvision"
    return None


def _device_reason(
    asked: str | None, supported: Collection[str], facts: Mapping[str, object], environment: Environment
) -> str | None:
    if asked is None:
        reasons = {kind: _why_impossible(TorchDevice(kind), facts, environment) for kind in sorted(supported)}
        if None in reasons.values():
            return None
        return f"it runs on {' and '.join(reasons)} only; {'; '.join(filter(None, reasons.values()))}"
    try:
        device = parse_torch_device(asked)
    except InvalidParameterError as error:
        return error.message
    if device.kind not in supported:
        return f"device {asked!r} was asked for and it runs on {', '.join(sorted(supported))} only"
    reason = _why_impossible(device, facts, environment)
    return None if reason is None else f"device {asked!r} was asked for and {reason}"


def _why_impossible(device: TorchDevice, facts: Mapping[str, object], environment: Environment) -> str | None:
    """Return why torch cannot use a device, as far as that can be told without importing it."""
    built_for = facts.get("device_types")
    if device.kind not in TORCH_DEVICE_KINDS:
        return f"torch has no devices of kind {device.kind!r} here"
    if isinstance(built_for, Collection) and device.kind not in built_for:
        advice = f": {INSTALL_CUDA}" if device.kind == "cuda" else ""
        return f"the installed torch {facts.get('version')} is built for {', '.join(map(str, built_for))} only{advice}"
    if device.kind == "cuda" and isinstance(facts.get("cuda"), str) and environment.jetson is None:
        return _why_no_gpu(device, str(facts["cuda"]), environment)  # NVML of older Jetson releases lists no GPU
    return None


def _why_no_gpu(device: TorchDevice, cuda: str, environment: Environment) -> str | None:
    count = len(environment.gpus)
    if count == 0:
        return f"no NVIDIA GPU was found: {environment.gpu_problem}"
    if device.index is not None and device.index >= count:
        return f"the highest that this process can use is cuda:{count - 1}"
    newest = environment.gpu_scan.cuda_version
    # A driver runs programs made for any minor release of the CUDA that it supports.
    if newest is not None and release(newest)[:1] < release(cuda)[:1]:
        return (
            f"the NVIDIA driver supports CUDA up to {newest} and torch is built for CUDA {cuda}: update the driver, or "
            f"{INSTALL_CUDA}"
        )
    return None


def _half_precision_reason(
    package: ModelPackageMetadata, asked: str | None, supported: Collection[str], facts: Any, environment: Environment
) -> str | None:
    """TorchScript has its numeric type written into the program; on a CPU half precision lacks operators."""
    if package.quantization is not Quantization.FP16:
        return None
    if asked is not None:
        only_cpu = parse_torch_device(asked).kind == "cpu"
    else:
        others = [kind for kind in sorted(supported) if kind != "cpu"]
        only_cpu = all(_why_impossible(TorchDevice(kind), facts, environment) is not None for kind in others)
    return (
        "it is in half precision (fp16), which the CPU does not run: use a GPU or an fp32 package" if only_cpu else None
    )
