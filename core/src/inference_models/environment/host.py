"""The machine and the Python that this process runs on, and which runtimes are installed beside it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from inference_models.distributions import installed_version
from inference_models.environment.cpus import available_cpus

# The distributions that reports show when they are installed. Presence and version come from their metadata:
# importing torch or transformers to ask for a version takes seconds.
RUNTIME_DISTRIBUTIONS = (
    "im-core",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
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
    """

    os: str
    machine: str
    python: str
    cpus: int
    available_cpus: int
    memory_bytes: int | None


def describe_host(root: Path = Path("/")) -> Host:
    """Return facts about the machine. Never raises, starts no process."""
    return Host(
        os=_os_name(root),
        machine=platform.machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        cpus=os.cpu_count() or 1,
        available_cpus=available_cpus(root),
        memory_bytes=_memory_bytes(),
    )


def installed_runtimes() -> Mapping[str, str]:
    """Return the versions of those of `RUNTIME_DISTRIBUTIONS` that are installed, from their metadata."""
    return {name: version for name in RUNTIME_DISTRIBUTIONS if (version := installed_version(name)) is not None}


def _os_name(root: Path) -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        # https://www.freedesktop.org/software/systemd/man/os-release.html
        lines = (root / "etc/os-release").read_text("utf-8", errors="replace").splitlines()
    except OSError:  # not every system has the file
        lines = []
    names = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else f"{platform.system()} {platform.release()}"


def _memory_bytes() -> int | None:
    if sys.platform == "win32":
        return _windows_memory_bytes()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _windows_memory_bytes() -> int | None:
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009 (the attribute exists on Windows only)
    # https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getphysicallyinstalledsystemmemory
    ok = kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value * 1024 if ok else None
