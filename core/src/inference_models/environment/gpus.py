"""NVIDIA GPUs, as the driver's management library (NVML) lists them and as CUDA will number them here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen

Value = TypeVar("Value")


@frozen(kw_only=True)
class Gpu:
    """A GPU that CUDA can use in this process.

    Attributes:
        index: CUDA's number for it in this process, so `cuda:<index>`. It follows the order of the PCI bus,
            which is CUDA's order when all GPUs are alike or CUDA_DEVICE_ORDER=PCI_BUS_ID.
        name: of the product, for example "NVIDIA L4".
        compute_capability: for example "8.9"; None when it is not known.
        memory_bytes: in all; None when it is not known.
        uuid: the driver's id for it.
    """

    index: int
    name: str
    compute_capability: str | None = None
    memory_bytes: int | None = None
    uuid: str | None = None


@frozen(kw_only=True)
class GpuScan:
    """What looking for GPUs found.

    Attributes:
        gpus: those that this process can use.
        driver_version: of the NVIDIA driver, for example "550.54.15".
        cuda_version: the newest CUDA that the driver supports, for example "12.4".
        problem: why there is no GPU, or why little is known about those there are; None when all is well.
    """

    gpus: tuple[Gpu, ...] = ()
    driver_version: str | None = None
    cuda_version: str | None = None
    problem: str | None = None


def scan_gpus(root: Path = Path("/")) -> GpuScan:
    """Look for GPUs. Never raises.

    Args:
        root: where the driver's own listing in `proc` is looked for when NVML is of no use.
    """
    scan = _ask_nvml()
    if not scan.gpus and (listed := _listed_by_driver(root)):
        # A container may grant CUDA without NVML (NVIDIA_DRIVER_CAPABILITIES=compute): the GPUs are there.
        scan = evolve(scan, gpus=listed, problem=f"{scan.problem}; the driver itself lists {len(listed)}")
    return _only_visible(scan)


def _ask_nvml() -> GpuScan:
    try:
        import pynvml
    except ImportError as error:
        return GpuScan(problem=f"NVML cannot be asked: {error}")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return GpuScan(problem=f"no NVIDIA driver answers: {error}")
    try:
        return _list_with_nvml(pynvml)
    except (pynvml.NVMLError, ValueError) as error:
        return GpuScan(problem=f"the NVIDIA driver does not list its GPUs: {error}")
    finally:
        pynvml.nvmlShutdown()


def _list_with_nvml(pynvml: Any) -> GpuScan:
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
    cuda = ask(pynvml.nvmlSystemGetCudaDriverVersion_v2)
    return GpuScan(
        gpus=tuple(gpus),
        driver_version=_text(ask(pynvml.nvmlSystemGetDriverVersion)),
        cuda_version=None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
        problem=None if gpus else "the NVIDIA driver has no GPU",
    )


def _text(value: str | bytes | None) -> str | None:
    # Older releases of nvidia-ml-py answer with bytes.
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def gpu_fingerprint(root: Path = Path("/")) -> tuple[str, ...]:
    """Return what changes when other GPUs are there or visible, without asking the driver: that takes long."""
    found = sorted(path.name for path in root.glob("proc/driver/nvidia/gpus/*"))
    return (*found, os.environ.get("CUDA_VISIBLE_DEVICES", "all"))


def _listed_by_driver(root: Path) -> tuple[Gpu, ...]:
    """Return the GPUs in /proc/driver/nvidia/gpus, which knows names only."""
    gpus: list[Gpu] = []
    for file in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        try:
            lines = file.read_text("utf-8", errors="replace").splitlines()
        except OSError:  # the listing is a courtesy; another GPU's file may be readable
            continue
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        gpus.append(Gpu(index=len(gpus), name=facts.get("Model") or "NVIDIA GPU", uuid=facts.get("GPU UUID")))
    return tuple(gpus)


def _only_visible(scan: GpuScan) -> GpuScan:
    """Keep the GPUs that CUDA_VISIBLE_DEVICES leaves this process, numbered as CUDA will number them."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None or not scan.gpus:
        return scan
    visible = tuple(evolve(gpu, index=index) for index, gpu in enumerate(_chosen(scan.gpus, wanted.split(","))))
    if visible:
        return evolve(scan, gpus=visible)
    return evolve(scan, gpus=(), problem=f"CUDA_VISIBLE_DEVICES={wanted!r} hides all {len(scan.gpus)} GPUs")


def _chosen(gpus: tuple[Gpu, ...], names: Iterable[str]) -> list[Gpu]:
    # As CUDA reads it: numbers or beginnings of UUIDs, up to the first that matches nothing.
    chosen: list[Gpu] = []
    for name in (part.strip() for part in names):
        gpu = _named(gpus, name)
        if gpu is None or gpu in chosen:
            break
        chosen.append(gpu)
    return chosen


def _named(gpus: tuple[Gpu, ...], name: str) -> Gpu | None:
    if name.isdigit():
        return gpus[int(name)] if int(name) < len(gpus) else None
    if name.startswith("MIG-"):
        # A slice of a GPU has an id of its own; CUDA then offers exactly one slice.
        return gpus[0]
    matches = [gpu for gpu in gpus if name.startswith("GPU-") and (gpu.uuid or "").startswith(name)]
    return matches[0] if len(matches) == 1 else None
