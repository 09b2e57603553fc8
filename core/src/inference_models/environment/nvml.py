"""The GPUs as the management library of NVIDIA's driver (NVML) lists them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from inference_models.environment.gpus import Gpu, GpuScan, cuda_version_text

Value = TypeVar("Value")


SOURCE = "NVML"


class NVMLUnavailableError(Exception):
    """NVML is not there or does not answer; the message says why."""


def ask_nvml() -> GpuScan:
    """Return what NVML says about all GPUs, also those hidden from CUDA. It may take long, and it may hang.

    Raises:
        NVMLUnavailableError: it is not there, or fails.
    """
    _require_library()
    try:
        import pynvml
    except ImportError as error:
        raise NVMLUnavailableError(f"NVML cannot be asked: {error}") from error
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NVMLUnavailableError(f"no NVIDIA driver answers: {error}") from error
    try:
        return _list(pynvml)
    except (pynvml.NVMLError, ValueError) as error:
        raise NVMLUnavailableError(f"the NVIDIA driver does not list its GPUs: {error}") from error
    finally:
        pynvml.nvmlShutdown()


def _require_library() -> None:
    # Importing pynvml takes 50 to 200 ms. Most machines have no driver, and that can be known without it.
    if sys.platform != "linux" or "pynvml" in sys.modules:
        return
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        raise NVMLUnavailableError(f"no NVIDIA driver answers: {error}") from error


def _list(pynvml: Any) -> GpuScan:
    def ask(function: Callable[..., Value], *arguments: object) -> Value | None:
        try:
            return function(*arguments)
        except pynvml.NVMLError:  # not every driver and product answers everything
            return None

    gpus = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        capability = ask(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
        memory = ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
        gpus.append(
            Gpu(
                index=index,
                name=_text(ask(pynvml.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
                compute_capability=None if capability is None else "{}.{}".format(*capability),
                memory_bytes=None if memory is None else int(memory.total),
                uuid=_text(ask(pynvml.nvmlDeviceGetUUID, handle)),
            )
        )
    driver = _text(ask(pynvml.nvmlSystemGetDriverVersion))
    cuda = cuda_version_text(ask(pynvml.nvmlSystemGetCudaDriverVersion_v2))
    found = {"gpus": gpus, "driver_version": driver, "cuda_version": cuda}
    return GpuScan(
        gpus=tuple(gpus),
        driver_version=driver,
        cuda_version=cuda,
        problem=None if gpus else "the NVIDIA driver has no GPU",
        sources={name: SOURCE for name, value in found.items() if value},
    )


def _text(value: str | bytes | None) -> str | None:
    # Older releases of nvidia-ml-py answer with bytes.
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
