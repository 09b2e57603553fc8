"""The machine and the Python that this process runs on, and which runtimes are installed beside it."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from inference_models.distributions import installed_version
from inference_models.environment.cpus import available_cpus

# All of them install the import package `onnxruntime`.
ONNX_RUNTIMES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
)

# The distributions that reports show when they are installed. Presence and version come from their metadata:
# importing torch or transformers to ask for a version takes seconds.
RUNTIME_DISTRIBUTIONS = (
    "im-core",
    "numpy",
    *ONNX_RUNTIMES,
    "torch",
    "torchvision",
    "tensorrt",
    "tensorrt-cu12",
    "tensorrt-cu13",
    "tensorrt-lean",
    "transformers",
    "mediapipe",
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "supervision",
    "inference-models",
)

_OS_RELEASE = "etc/os-release"
_PROCESSORS = "proc/cpuinfo"

DISTRIBUTION_METADATA = "distribution metadata"
"""Where `installed_runtimes` reads versions."""


@frozen(kw_only=True)
class Host:
    """The machine and its Python.

    Attributes:
        os: name and version of the operating system, for example "Ubuntu 22.04.4 LTS".
        machine: the processor's architecture, for example "x86_64".
        python: implementation and version, for example "CPython 3.11.7".
        cpus: CPUs of the machine.
        available_cpus: CPUs that this process may use (affinity, container quota).
        memory_bytes: the machine's memory; None when the system does not say.
        processor: its product name, for example "AMD EPYC 7B13"; None when the system does not say.
        sources: where each of the others was read.
    """

    os: str
    machine: str
    python: str
    cpus: int
    available_cpus: int
    memory_bytes: int | None
    processor: str | None = None
    sources: Mapping[str, str] = field(factory=dict, eq=False)


def describe_host(root: Path = Path("/")) -> Host:
    """Return facts about the machine. Never raises, starts no process."""
    os_name, os_source = _os_name(root)
    memory, memory_source = _memory_bytes()
    processor = _processor(root)
    sources = {
        "os": os_source,
        "machine": "Python's platform module",
        "python": "Python's platform module",
        "cpus": "the operating system",
        "available_cpus": "CPU affinity and control groups",
        **({} if memory is None else {"memory_bytes": memory_source}),
        **({} if processor is None else {"processor": f"/{_PROCESSORS}"}),
    }
    return Host(
        os=os_name,
        machine=platform.machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        cpus=os.cpu_count() or 1,
        available_cpus=available_cpus(root),
        memory_bytes=memory,
        processor=processor,
        sources=sources,
    )


def installed_runtimes() -> Mapping[str, str]:
    """Return the versions of those of `RUNTIME_DISTRIBUTIONS` that are installed, from their metadata."""
    return {name: version for name in RUNTIME_DISTRIBUTIONS if (version := installed_version(name)) is not None}


def _os_name(root: Path) -> tuple[str, str]:
    """Return the operating system's name and where that was read."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}", "Python's platform module"
    try:
        # https://www.freedesktop.org/software/systemd/man/os-release.html
        lines = (root / _OS_RELEASE).read_text("utf-8", errors="replace").splitlines()
    except OSError:  # not every system has the file
        lines = []
    names = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")]
    if names:
        return names[0], f"/{_OS_RELEASE}"
    return f"{platform.system()} {platform.release()}", "Python's platform module"


def _processor(root: Path) -> str | None:
    try:
        with (root / _PROCESSORS).open(encoding="utf-8", errors="replace") as file:
            beginning = file.read(4096)  # the first CPU; there may be hundreds
    except OSError:  # not Linux
        return None
    match = re.search(r"^model name\s*:\s*(\S.*)$", beginning, re.MULTILINE)
    return " ".join(match[1].split()) if match else None


def _memory_bytes() -> tuple[int | None, str]:
    """Return the memory and where that was read."""
    if sys.platform == "win32":
        return _windows_memory_bytes(), "GetPhysicallyInstalledSystemMemory"
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "sysconf"
    except (ValueError, OSError):
        return None, "sysconf"


def _windows_memory_bytes() -> int | None:
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009 (the attribute exists on Windows only)
    # https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getphysicallyinstalledsystemmemory
    ok = kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value * 1024 if ok else None
