"""What ONNX Runtime's failures mean, in words that help."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from im_backend_onnx.providers import CPU
from inference_models import CorruptedModelPackageError, ModelLoadingError

logger = logging.getLogger(__name__)
_warned: set[str] = set()

_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")
_SOURCE = re.compile(r"(?:/[\w.+-]+)+\.(?:cc|h|cpp)(?::\d+)?\s+\S.*?\)\s+(?=[A-Z])")
_NOT_SUPPORTED = re.compile(
    r"opset|not a registered function|No Op registered|NOT_IMPLEMENTED|Could not find an implementation|"
    r"Unsupported model IR version|Unknown model file format version",
    re.IGNORECASE,
)
# Errors that speak of the machine and not of the file.
_ABOUT_DEVICE = re.compile(
    r"CUDA|cuDNN|CUBLAS|GPU|device|driver|TensorRT|OpenVINO|CoreML|provider|EPFail|shared library|\.so\b|\.dll\b",
    re.IGNORECASE,
)
_OUT_OF_MEMORY = re.compile(
    r"out of memory|Failed to allocate memory|ALLOC_FAILED|bad_alloc|bad allocation", re.IGNORECASE
)
_REQUESTED = re.compile(r"requested buffer of size (\d+)")
_LIBRARY_OF = {
    "CUDAExecutionProvider": "onnxruntime_providers_cuda",
    "TensorrtExecutionProvider": "onnxruntime_providers_tensorrt",
    "OpenVINOExecutionProvider": "onnxruntime_providers_openvino",
    "ROCMExecutionProvider": "onnxruntime_providers_rocm",
    "MIGraphXExecutionProvider": "onnxruntime_providers_migraphx",
}


def warn_once(message: str) -> None:
    """Log a warning, the first time it is given."""
    if message not in _warned:
        _warned.add(message)
        logger.warning("%s", message)


def reason_of(error: Exception) -> str:
    """Return what ONNX Runtime said, without its numbering and source lines, on one line."""
    text = _SOURCE.sub("", _PREFIX.sub("", str(error)))
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def explain_out_of_memory(error: Exception, free_memory: Callable[[], int | None]) -> str | None:
    """Return how much memory was needed and free, if that is what went wrong; else None."""
    text = str(error)
    if not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(text):
        return None
    match = _REQUESTED.search(text)
    needed = f"{_mebibytes(int(match[1]))} more were needed" if match else "more was needed than is free"
    with contextlib.suppress(Exception):  # a device that ran out of memory may not answer that either
        free = free_memory()
        if free is not None:
            needed += f" ({_mebibytes(free)} free)" if not match else f" and {_mebibytes(free)} are free"
    return f"memory ran out: {needed}. Give fewer images at once, or close other models. ({reason_of(error)})"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def is_about_provider(error: Exception, provider: str) -> bool:
    """Return whether a session failed to open because of its execution provider, not because of the network."""
    if provider == CPU or type(error).__name__ in ("InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NoModel"):
        return False
    return type(error).__name__ == "EPFail" or _ABOUT_DEVICE.search(str(error)) is not None


def loading_error(error: Exception, weights: Path) -> ModelLoadingError:
    """Return the error for a network that ONNX Runtime refuses to open."""
    reason = reason_of(error)
    if type(error).__name__ == "NotImplemented" or _NOT_SUPPORTED.search(str(error)):
        return ModelLoadingError(
            f"The installed ONNX Runtime cannot run {weights}: {reason}. Update onnxruntime, or export the network "
            f"with an older operator set and without operators of its own."
        )
    return CorruptedModelPackageError(
        f"{weights} is not a usable ONNX network: {reason}. Download or export the package again."
    )


def prepare(runtime: Any, provider: str) -> None:
    """Let onnxruntime find CUDA and cuDNN where pip installs them, before its CUDA library is loaded."""
    if provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider") and hasattr(runtime, "preload_dlls"):
        # It prints what it does not find. Standard output belongs to the program, which may be writing JSON to it.
        with contextlib.redirect_stdout(sys.stderr):
            runtime.preload_dlls()


def why_not_loaded(runtime: Any, provider: str) -> str:
    """Return why a provider that the build has is not in the session: usually a library it needs is missing."""
    stem = _LIBRARY_OF.get(provider)
    if stem is None:
        return "ONNX Runtime left it out of the session without giving a reason"
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    name = stem + suffix if sys.platform == "win32" else f"lib{stem}{suffix}"
    library = Path(runtime.__file__).parent / "capi" / name
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"its library does not load: {error}"
    return "ONNX Runtime left it out of the session, although its library loads; is there such a device?"
