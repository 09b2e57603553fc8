"""`im compile --backend trt`: from an ONNX package to an engine for the GPU of this machine."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_trt import manifest as manifests
from im_backend_trt.builder import Wishes, build_engine
from im_backend_trt.cuda import CudaDevice, choose_device, import_torch
from im_backend_trt.detection import INSTALL, find_runtimes
from im_backend_trt.engine import CONFIG_NAME, ENGINE_NAMES, import_runtime
from im_backend_trt.gpus import slug
from im_backend_trt.half_precision import to_half_precision
from im_backend_trt.onnx_package import copy_shared_files, find_network, input_size
from im_backend_trt.ranking import os_slug
from inference_models import MissingDependencyError, ModelCompilationError
from inference_models.developer_tools import BackendType, Quantization, x_ray_runtime_environment

if TYPE_CHECKING:
    from inference_models.developer_tools import CompileOptions, CompileProgress, ModelPackageMetadata


def compile_package(
    directory: Path, output: Path, *, package: ModelPackageMetadata, options: CompileOptions, progress: CompileProgress
) -> dict[str, Any]:
    """Build an engine from the ONNX package in `directory`. See `inference_models.developer_tools.CompilePackage`.

    Raises:
        ModelCompilationError: TensorRT cannot build the network, or not as asked.
        DeviceUnavailableError: there is no GPU to build for.
        MissingDependencyError: the full TensorRT, torch, or what converts networks to half precision is not installed.
        CorruptedModelPackageError: the package holds no ONNX network.
    """
    if options.quantization not in {None, Quantization.FP16, package.quantization}:
        raise ModelCompilationError(
            f"A network in {package.quantization} cannot be built in {options.quantization}, only in fp16. For another "
            f"type, export the network in it: an engine keeps what it finds."
        )
    network = find_network(directory)
    device = choose_device(import_torch(), options.device)
    trt = _import_builder()
    wants_half = options.quantization is Quantization.FP16 and package.quantization is not Quantization.FP16
    with device.active(), tempfile.TemporaryDirectory(dir=output) as scratch:
        source = network
        lets_builder_choose = wants_half and hasattr(trt.BuilderFlag, "FP16")
        if wants_half and not lets_builder_choose:  # TensorRT 11 has no say in types any more
            progress("converting the network to half precision", None)
            source = Path(scratch) / network.name
            to_half_precision(network, source)
        wishes = Wishes(batch=options.batch_size, half=lets_builder_choose, size=input_size(directory))
        engine, batch = build_engine(trt, source, wishes, device, progress)
    size = (output / ENGINE_NAMES[0]).write_bytes(engine)
    _write_config(output, batch, size)
    copy_shared_files(directory, network, output)
    quantization = options.quantization or package.quantization
    return {
        "type": manifests.TYPE,
        "backendType": BackendType.TRT.value,
        "quantization": quantization.value,
        "trtVersion": trt.__version__,
        **_batch_fields(batch),
        **_machine_fields(device),
    }


def _import_builder() -> Any:
    full = next((runtime for runtime in find_runtimes() if runtime.kind == "full"), None)
    if full is None:
        raise MissingDependencyError(
            f"Building an engine needs the full TensorRT; tensorrt-lean and tensorrt-dispatch only run them. {INSTALL}"
        )
    return import_runtime(full)


def _write_config(output: Path, batch: tuple[int, int, int], engine_size: int) -> None:
    """Write what other readers of such packages expect beside an engine, and its size, which shows one cut short."""
    smallest, usual, largest = batch
    if smallest == largest:
        config = {"static_batch_size": smallest}
    else:
        config = {
            "dynamic_batch_size_min": smallest,
            "dynamic_batch_size_opt": usual,
            "dynamic_batch_size_max": largest,
        }
    text = json.dumps({**config, "engine_size": engine_size}, indent=2)
    (output / CONFIG_NAME).write_text(f"{text}\n", "utf-8")


def _batch_fields(batch: tuple[int, int, int]) -> dict[str, Any]:
    smallest, usual, largest = batch
    if smallest == largest:
        return {"dynamicBatchSize": False, "staticBatchSize": smallest}
    return {"dynamicBatchSize": True, "minBatchSize": smallest, "optBatchSize": usual, "maxBatchSize": largest}


def _machine_fields(device: CudaDevice) -> dict[str, Any]:
    environment = x_ray_runtime_environment()
    name, capability = device.describe()
    jetson = environment.jetson
    specs: dict[str, str | None]
    if jetson is None:
        kind = manifests.SERVER
        specs = {"osVersion": os_slug(environment.host.os)}
    else:
        kind = manifests.JETSON
        specs = {"l4tVersion": jetson.l4t_version, "deviceName": jetson.module}
    specs = {"type": manifests.SPECS[kind], "driverVersion": environment.gpu_scan.driver_version, **specs}
    return {
        "cudaDeviceType": slug(name),
        "cudaDeviceCC": capability,
        "cudaVersion": device.torch.version.cuda,
        "sameCCCompatible": False,
        "trtForwardCompatible": False,
        "trtLeanRuntimeExcluded": False,
        "machineType": kind,
        "machineSpecs": {key: value for key, value in specs.items() if value},
    }
