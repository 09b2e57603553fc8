"""Looking for NVIDIA GPUs: NVML first, then CUDA itself, then what the driver lists in /proc."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from attrs import evolve

from inference_models.configuration import PROBE_TIMEOUT
from inference_models.environment.deadline import within
from inference_models.environment.gpus import LISTING, Gpu, GpuScan, cuda_version_text, only_visible
from inference_models.environment.nvml import NVMLUnavailableError, ask_nvml

_VERSION = "proc/driver/nvidia/version"

# One of these is there where CUDA may work although NVML does not: on Jetson modules, under WSL, and in containers
# that were granted CUDA alone.
_DEVICE_NODES = ("dev/nvidiactl", "dev/nvgpu", "dev/nvhost-gpu", "dev/nvmap", "dev/dxg")

# "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024", or, where the kernel
# modules are the open ones, "... NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build ..."
_DRIVER = re.compile(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)")


def scan_gpus(root: Path = Path("/")) -> GpuScan:
    """Look for GPUs. A driver that fails or hangs is the `problem` of the result.

    Args:
        root: where the driver's files in `proc` and `dev` are looked for; another than "/" is for tests.

    Raises:
        InvalidEnvVariable: INFERENCE_MODELS_PROBE_TIMEOUT is no number of seconds.
    """
    seconds = PROBE_TIMEOUT.get()
    scan, hangs = _scan_with_nvml(seconds)
    if scan.gpus and all(gpu.compute_capability for gpu in scan.gpus):
        return only_visible(scan)
    known = scan if scan.gpus else _scan_listing(root, seconds, scan)
    # A driver that hangs would hang again.
    asked = None if hangs or not _may_have_cuda(root, known) else _scan_with_cuda(seconds, known)
    return asked or only_visible(known)


def _scan_with_nvml(seconds: float) -> tuple[GpuScan, bool]:
    """Return what NVML says, and whether it hangs."""
    try:
        return within(seconds, "NVML", ask_nvml), False
    except TimeoutError as error:
        return GpuScan(problem=str(error)), True
    except NVMLUnavailableError as error:
        return GpuScan(problem=str(error)), False
    except Exception as error:  # a damaged nvidia-ml-py, or no thread to be had: the report goes on
        return GpuScan(problem=f"NVML cannot be asked: {type(error).__name__}: {error}"), False


def _scan_listing(root: Path, seconds: float, scan: GpuScan) -> GpuScan:
    """Return `scan` with the GPUs in /proc/driver/nvidia, which knows names only.

    A container may grant CUDA without NVML (NVIDIA_DRIVER_CAPABILITIES=compute): the GPUs are there.
    """
    try:  # it is the driver that answers these files, too
        gpus, driver = within(seconds, f"/{LISTING}", lambda: (_listed(root), _driver_version(root)))
    except (TimeoutError, RuntimeError) as error:
        return evolve(scan, problem=f"{scan.problem}; {error}")
    sources = dict(scan.sources)
    if gpus:
        sources["gpus"] = f"/{LISTING}"
        scan = evolve(scan, gpus=gpus, problem=f"{scan.problem}; the driver itself lists {len(gpus)}")
    if driver and scan.driver_version is None:
        sources["driver_version"] = f"/{_VERSION}"
        scan = evolve(scan, driver_version=driver)
    return evolve(scan, sources=sources)


def _may_have_cuda(root: Path, scan: GpuScan) -> bool:
    return bool(scan.gpus) or any((root / node).exists() for node in _DEVICE_NODES)


def _scan_with_cuda(seconds: float, known: GpuScan) -> GpuScan | None:
    """Return `known` with what CUDA says, which respects CUDA_VISIBLE_DEVICES; None when it finds no GPU."""
    from inference_models.environment.cuda_driver import LIBRARY, ask_cuda

    try:
        # The process that asks is ended first. Where even that hangs, as it does while the kernel's part of the driver
        # hangs, it is left behind.
        answer = within(seconds + 1, LIBRARY, lambda: ask_cuda(seconds))
    except (TimeoutError, RuntimeError):  # it was one more way to find out; what is known already is reported
        return None
    gpus = tuple(_to_gpu(index, row) for index, row in enumerate(answer.get("gpus", ())))
    if not gpus:
        return None
    cuda = cuda_version_text(answer.get("cuda"))
    sources = {**known.sources, "gpus": LIBRARY, **({"cuda_version": LIBRARY} if cuda else {})}
    return evolve(known, gpus=gpus, cuda_version=cuda or known.cuda_version, problem=None, sources=sources)


def _to_gpu(index: int, row: dict[str, Any]) -> Gpu:
    capability = row["capability"]
    return Gpu(
        index=index,
        name=row["name"] or "NVIDIA GPU",
        compute_capability=None if None in capability else "{}.{}".format(*capability),
        memory_bytes=row["memory"],
        uuid=row["uuid"],
    )


def _listed(root: Path) -> tuple[Gpu, ...]:
    gpus: list[Gpu] = []
    for file in sorted(root.glob(f"{LISTING}/*/information")):
        try:
            lines = file.read_text("utf-8", errors="replace").splitlines()
        except OSError:  # the listing is a courtesy; another GPU's file may be readable
            continue
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        gpus.append(Gpu(index=len(gpus), name=facts.get("Model") or "NVIDIA GPU", uuid=facts.get("GPU UUID")))
    return tuple(gpus)


def _driver_version(root: Path) -> str | None:
    try:
        match = _DRIVER.search((root / _VERSION).read_text("utf-8", errors="replace"))
    except OSError:  # no driver, or hidden from this container
        return None
    return match[1] if match else None
