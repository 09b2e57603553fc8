"""The one module that talks to CUDA, through torch: devices, streams, memory, graphs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from im_backend_trt.detection import INSTALL_TORCH
from im_backend_trt.gpus import matching_gpus, parse_device
from inference_models import DeviceUnavailableError, MissingDependencyError
from inference_models.developer_tools import TRTPackageDetails, x_ray_runtime_environment

if TYPE_CHECKING:
    from inference_models.developer_tools import ModelPackageMetadata


def import_torch() -> Any:
    """Return the module torch. Raises: MissingDependencyError."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            f"torch, which holds the arrays on the GPU, cannot be imported: {error}. {INSTALL_TORCH.capitalize()}."
        ) from error
    return torch


def choose_device(torch: Any, asked: str | None, package: ModelPackageMetadata | None = None) -> CudaDevice:
    """Return the device to use, which CUDA has really initialised. Only after this may a TensorRT object be made.

    Args:
        torch: the module.
        asked: what the user asked for; None: the first one that the engine was built for, else torch's current one.
        package: what its provider said about the engine.

    Raises:
        InvalidParameterError: it is no CUDA device.
        DeviceUnavailableError: it cannot be had. The message says why.
    """
    index = None if asked is None else parse_device(asked)
    reason = _why_no_cuda(torch)
    if reason is None and index is not None and index >= torch.cuda.device_count():
        reason = f"the highest that this process can use is cuda:{torch.cuda.device_count() - 1}"
    if reason is not None:
        raise DeviceUnavailableError(f"TensorRT cannot use {asked or 'a GPU'}: {reason}.")
    if index is None:
        details = package.backend_details if package is not None else None
        fitting = []
        if isinstance(details, TRTPackageDetails):
            fitting = matching_gpus(details, x_ray_runtime_environment())
        index = fitting[0] if fitting and asked is None else torch.cuda.current_device()
    return CudaDevice(torch, index)


def _why_no_cuda(torch: Any) -> str | None:
    if torch.version.cuda is None:
        return f"the installed torch {torch.__version__} is built without CUDA; {INSTALL_TORCH}"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # torch asserts that its build has CUDA
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
        return f"{first}; check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES"
    return None


class CudaDevice:
    """A CUDA device. Work is enqueued on its streams and goes on while Python does."""

    alignment = 256
    """TensorRT takes addresses that are multiples of this many bytes only."""

    def __init__(self, torch: Any, index: int) -> None:
        self.torch = torch
        self.name = f"cuda:{index}"

    def active(self) -> AbstractContextManager[object]:
        """Make it the current device of this thread: TensorRT knows no other way to be told."""
        manager: AbstractContextManager[object] = self.torch.cuda.device(self.name)
        return manager

    def new_stream(self) -> Any:
        """Return a stream of its own: on the default one TensorRT would wait for all others."""
        return self.torch.cuda.Stream(device=self.name)

    def current_stream(self) -> Any:
        """Return the stream on which this thread's caller works."""
        return self.torch.cuda.current_stream(self.name)

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Let what torch does go to `stream`."""
        manager: AbstractContextManager[object] = self.torch.cuda.stream(stream)
        return manager

    def hold(self, tensor: Any, stream: Any) -> None:
        """Keep a tensor's memory from being used anew before `stream` is through with it."""
        tensor.record_stream(stream)

    def record(self, stream: Any, enqueue: Callable[[], None]) -> Any:
        """Return the graph of what `enqueue` puts on `stream`, with a method `replay`. Nothing is executed."""
        graph = self.torch.cuda.CUDAGraph()
        # Other threads may go on allocating memory meanwhile.
        with self.torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            enqueue()
        return graph

    def memory(self) -> tuple[int, int]:
        """Return (free, total) bytes."""
        free, total = self.torch.cuda.mem_get_info(self.name)
        return free, total

    def describe(self) -> tuple[str, str]:
        """Return the product's name and the compute capability: ("NVIDIA L4", "8.9")."""
        major, minor = self.torch.cuda.get_device_capability(self.name)
        return self.torch.cuda.get_device_name(self.name), f"{major}.{minor}"
