"""An engine read from its file, and what it takes and gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from attrs import frozen

from im_backend_trt.cuda import CudaDevice
from im_backend_trt.detection import INSTALL
from im_backend_trt.logs import log_of, quote
from im_backend_trt.runtimes import HOST_CODE_OPTION, KINDS, Runtime
from inference_models import CorruptedModelPackageError, MissingDependencyError, ModelLoadingError
from inference_models.developer_tools import find_package_file

ENGINE_NAMES = ("engine.plan", "model.engine")
CONFIG_NAME = "trt_config.json"

_OTHER_VERSION = re.compile(r"version|older plan|expecting library", re.IGNORECASE)
_OTHER_GPU = re.compile(r"incompatible device|compute capability|different (?:gpu|device|models of)", re.IGNORECASE)
_MEMORY = re.compile(r"out of memory|OutOfMemory|insufficient memory|memory allocation", re.IGNORECASE)
_HOST_CODE = re.compile(r"host code|lean runtime|engineHostCodeAllowed", re.IGNORECASE)


@frozen(eq=False)
class Engine:
    """An engine on a device. TensorRT's objects must outlive what was made from them, so they stay together.

    Attributes:
        trt: the TensorRT module.
        engine: its `ICudaEngine`.
        log: its logger.
        runtime: the kind and version of the runtime that executes it.
        device: where it is.
        path: its file.
        keep: the `Runtime` object that made it.
    """

    trt: Any
    engine: Any
    log: Any
    runtime: Runtime
    device: CudaDevice
    path: Path
    keep: Any

    @property
    def working_memory(self) -> int:
        """The bytes on the device that a context needs."""
        size = getattr(self.engine, "device_memory_size_v2", None)  # TensorRT 10.0 knows the older name only
        return int(self.engine.device_memory_size if size is None else size)

    def create_context(self) -> Any:
        """Return an execution context: what one run at a time needs, memory on the device above all.

        Raises:
            ModelLoadingError: the device has no room for it.
        """
        self.log.drain()
        context = self.engine.create_execution_context()
        if context is not None:
            return context
        lines = self.log.drain()
        free, total = self.device.memory()
        raise ModelLoadingError(
            f"{self.path.name} cannot be run on {self.device.name}: it needs {_megabytes(self.working_memory)} to work "
            f"in, and {_megabytes(free)} of {_megabytes(total)} are free. {quote(lines)}. Free memory there, or use "
            f"fewer threads: each run at the same time needs as much."
        )


def find_engine(directory: Path) -> Path:
    """Return the engine's file in a package. Raises: CorruptedModelPackageError when there is none, or a part of it."""
    path = find_package_file(directory, ENGINE_NAMES)
    _check_size(path)
    return path


def _check_size(path: Path) -> None:
    """Compare the file with what the builder noted: TensorRT reads whatever it is given."""
    size = path.stat().st_size
    try:
        config = json.loads((path.parent / CONFIG_NAME).read_text("utf-8"))
    except (OSError, ValueError):  # packages from elsewhere may do without, and state no size
        config = {}
    stated = config.get("engine_size") if isinstance(config, Mapping) else None
    if size == 0 or (isinstance(stated, int) and size != stated):
        was = f", and {stated} were written" if isinstance(stated, int) else ""
        raise CorruptedModelPackageError(f"{path} has {size} bytes{was}. Download or build the package again.")


def import_runtime(runtime: Runtime) -> Any:
    """Return the module of a runtime. Raises: MissingDependencyError."""
    try:
        return import_module(KINDS[runtime.kind])
    except (ImportError, OSError) as error:  # the libraries that it loads may be missing
        raise MissingDependencyError(
            f"{KINDS[runtime.kind]} cannot be imported: {error}. Reinstall it: {INSTALL}"
        ) from error


def load_engine(path: Path, runtime: Runtime, device: CudaDevice, *, host_code_allowed: bool) -> Engine:
    """Put an engine on a device, which CUDA must have initialised: without one, TensorRT ends the process here.

    Raises:
        CorruptedModelPackageError: the file is cut short, or no engine.
        ModelLoadingError: it is for another GPU or version, or does not fit. The message has TensorRT's own words.
        MissingDependencyError: TensorRT cannot be imported.
    """
    trt = import_runtime(runtime)
    log = log_of(trt)
    log.drain()
    try:
        trt_runtime = trt.Runtime(log)
    except Exception as error:  # the binding's own, where the library returned nothing
        raise ModelLoadingError(f"TensorRT does not start: {error}. {quote(log.drain())}.") from error
    trt_runtime.engine_host_code_allowed = host_code_allowed
    engine = trt_runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise _explained(path, runtime, device, log.drain())
    return Engine(trt, engine, log, runtime, device, path, trt_runtime)


def _explained(path: Path, runtime: Runtime, device: CudaDevice, lines: list[str]) -> ModelLoadingError:
    said, text = quote(lines), " ".join(lines)
    if _MEMORY.search(text):
        free, total = device.memory()
        return ModelLoadingError(
            f"{path.name} does not fit on {device.name}: it needs {_megabytes(path.stat().st_size)} or more, and "
            f"{_megabytes(free)} of {_megabytes(total)} are free. {said}."
        )
    if _OTHER_GPU.search(text):
        return ModelLoadingError(
            f"{path} was built for another GPU than {' with compute capability '.join(device.describe())}. {said}. Use "
            f"a package for this one, or build it here with im compile."
        )
    if _HOST_CODE.search(text):
        return ModelLoadingError(
            f"{path} brings code of its own, which is not allowed to run. {said}. {HOST_CODE_OPTION}=True permits it, "
            f"if you trust its author."
        )
    if _OTHER_VERSION.search(text):
        return ModelLoadingError(
            f"{path} was built with another version than TensorRT {runtime.version} ({runtime.kind}). {said}. Install "
            f"the version that built it, or build it here with im compile."
        )
    return CorruptedModelPackageError(f"{path} is not a usable engine. {said}. Download or build the package again.")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
