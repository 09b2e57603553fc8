"""Whether an engine can run on this machine, decided before anything is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from im_backend_trt.gpus import describe_gpus, matching_gpus, parse_device
from im_backend_trt.runtimes import HOST_CODE_OPTION, choose_runtime
from im_backend_trt.versions import parse_version
from inference_models import InvalidParameterError
from inference_models.developer_tools import BackendType, TRTPackageDetails

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, ModelPackageMetadata, Request

# The oldest driver for each major version of CUDA on Linux:
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
_OLDEST_DRIVERS = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580, 65, 6)}


def check(package: ModelPackageMetadata, environment: Environment, request: Request) -> str | None:
    """Return why an engine cannot run here, None when nothing speaks against it."""
    details = package.backend_details if isinstance(package.backend_details, TRTPackageDetails) else None
    if details is None and package.directory is None:
        return "its provider does not say for which GPU and TensorRT it was built"
    facts = environment.backend(BackendType.TRT).facts
    return (
        _device_reason(details, environment, request)
        or _jetson_reason(details, environment)
        or _runtime_reason(details, facts, request)
        or _driver_reason(details, facts, environment)
    )


def _device_reason(details: TRTPackageDetails | None, environment: Environment, request: Request) -> str | None:
    try:
        wanted = None if request.device is None else parse_device(request.device)
    except InvalidParameterError as error:
        return error.message
    if not environment.gpus:
        if environment.jetson is None:
            return f"no NVIDIA GPU was found: {environment.gpu_problem}"
        return None  # NVML of older Jetson releases does not list their GPU; the module is compared below
    if wanted is not None and wanted >= len(environment.gpus):
        highest = len(environment.gpus) - 1
        return f"device {request.device!r} was asked for and the highest that this process can use is cuda:{highest}"
    if details is None or matching_gpus(details, environment, wanted):
        return None
    capability = f"compute capability {details.compute_capability}"
    built_for = f"GPUs of {capability}" if details.same_cc_compatible else f"{details.device_name} ({capability})"
    return f"it was built for {built_for}, and here is {describe_gpus(environment, wanted)}"


def _jetson_reason(details: TRTPackageDetails | None, environment: Environment) -> str | None:
    """An engine that was built on a Jetson runs on the same release of Jetson Linux, which holds driver and CUDA."""
    jetson = environment.jetson
    if details is None or (details.l4t_version is None and details.jetson_module is None):
        return None
    if jetson is None:
        return f"it was built on a Jetson ({details.jetson_module or details.device_name}), and this is none"
    if not environment.gpus and jetson.module is not None and (details.device_name or "") not in jetson.module:
        return f"it was built for {details.device_name}, and this is {jetson.module}"
    built, here = parse_version(details.l4t_version), parse_version(jetson.l4t_version)
    if built and not here:
        return (
            f"it was built on Jetson Linux {details.l4t_version}, and which release runs here is not known: set "
            f"L4T_VERSION to it"
        )
    if built[:2] != here[:2] and built:
        return f"it was built on Jetson Linux {details.l4t_version}, and {jetson.l4t_version} runs here"
    return None


def _runtime_reason(details: TRTPackageDetails | None, facts: Mapping[str, object], request: Request) -> str | None:
    runtimes = facts.get("runtimes")
    allowed = request.options.get(HOST_CODE_OPTION) is True
    chosen = choose_runtime(details, runtimes if isinstance(runtimes, Mapping) else {}, host_code_allowed=allowed)
    return chosen if isinstance(chosen, str) else None


def _driver_reason(details: TRTPackageDetails | None, facts: Mapping[str, Any], environment: Environment) -> str | None:
    if environment.jetson is not None:  # there the driver comes with Jetson Linux, which was compared
        return None
    installed = facts.get("cuda")
    if isinstance(installed, int) and (reason := _too_old(installed, environment)):
        return f"the installed TensorRT was made for CUDA {installed}, and {reason}"
    built = parse_version(details.cuda_version if details is not None else None)
    if built and (reason := _too_old(built[0], environment)):
        return f"it was built with CUDA {details.cuda_version if details else ''}, and {reason}"
    return None


def _too_old(major: int, environment: Environment) -> str | None:
    """Return why the driver is too old for a major version of CUDA. Within one, any driver for it does."""
    scan = environment.gpu_scan
    newest, driver = parse_version(scan.cuda_version), parse_version(scan.driver_version)
    if newest:
        if newest[0] >= major:
            return None
        driver_name = f"the NVIDIA driver {scan.driver_version or ''}".rstrip()
        return f"{driver_name} supports CUDA up to {scan.cuda_version}: update the driver"
    oldest = _OLDEST_DRIVERS.get(major)
    if driver and oldest and driver < oldest:
        needed = ".".join(map(str, oldest[:2]))
        return f"that needs an NVIDIA driver {needed} or newer, not {scan.driver_version}: update the driver"
    return None
