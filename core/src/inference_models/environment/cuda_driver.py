"""The GPUs as CUDA itself numbers them, asked in a process of its own.

CUDA that was initialised in a process is of no use in that process's forks, and whoever loads a model may fork later.
So this file is also a program: it uses nothing but the standard library, and prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from typing import Any
from uuid import UUID

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

# https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html
_COMPUTE_CAPABILITY_MAJOR, _COMPUTE_CAPABILITY_MINOR = 75, 76
_NO_DEVICE = 100


def ask_cuda(seconds: float) -> dict[str, Any]:
    """Return what the CUDA driver library says about the GPUs that this process can use, in CUDA's order.

    Args:
        seconds: after which the process that asks is ended.

    Returns:
        "cuda" (12040 is 12.4) and "gpus": for each "name", "capability", "memory" (bytes), "uuid"; or "error".
    """
    try:
        ctypes.CDLL(LIBRARY)  # a process is started only where somebody can answer
    except OSError as error:
        return {"error": f"{LIBRARY} is not there ({error})"}
    if getattr(sys, "frozen", False) or not sys.executable:  # the program itself would be started, a second time
        return {"error": f"asking {LIBRARY} needs a Python to start, and this program has its own built in"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__, LIBRARY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout or "null") or {"error": _last_words(done)}
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return {"error": f"asking {LIBRARY} failed: {error}"}
    return answer


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    return f"asking {LIBRARY} failed: {said[0]}"


def describe(cuda: Any) -> dict[str, Any]:
    """Return the same for a loaded CUDA driver library, which is initialised by it.

    Args:
        cuda: the library, as `ctypes` loads it.
    """
    status = cuda.cuInit(0)
    if status == _NO_DEVICE:
        return {"cuda": _number(cuda.cuDriverGetVersion), "gpus": []}
    if status != 0:
        return {"error": f"cuInit answers {_name_of(cuda, status)}"}
    count = _number(cuda.cuDeviceGetCount) or 0
    return {"cuda": _number(cuda.cuDriverGetVersion), "gpus": [_describe_gpu(cuda, index) for index in range(count)]}


def _describe_gpu(cuda: Any, index: int) -> dict[str, Any]:
    device = ctypes.c_int(_number(cuda.cuDeviceGet, index) or 0)
    name = ctypes.create_string_buffer(256)
    uuid = ctypes.create_string_buffer(16)
    memory = ctypes.c_size_t()
    named = cuda.cuDeviceGetName(name, len(name), device) == 0
    identified = cuda.cuDeviceGetUuid(uuid, device) == 0
    measured = cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device) == 0
    return {
        "name": name.value.decode("utf-8", errors="replace") if named else None,
        "capability": [
            _number(cuda.cuDeviceGetAttribute, _COMPUTE_CAPABILITY_MAJOR, device),
            _number(cuda.cuDeviceGetAttribute, _COMPUTE_CAPABILITY_MINOR, device),
        ],
        "memory": memory.value if measured else None,
        "uuid": f"GPU-{UUID(bytes=uuid.raw)}" if identified else None,
    }


def _number(function: Any, *arguments: Any) -> int | None:
    """Call a function that writes an int through its first argument."""
    value = ctypes.c_int()
    return value.value if function(ctypes.byref(value), *arguments) == 0 else None


def _name_of(cuda: Any, status: int) -> str:
    name = ctypes.c_char_p()
    known = cuda.cuGetErrorName(status, ctypes.byref(name)) == 0 and name.value
    return f"{status} ({name.value.decode()})" if known and name.value else str(status)


if __name__ == "__main__":
    print(json.dumps(describe(ctypes.CDLL(sys.argv[1]))))
