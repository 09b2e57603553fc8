"""NVIDIA GPUs: what is known about each, and which of them CUDA gives to this process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import evolve, field, frozen

LISTING = "proc/driver/nvidia/gpus"
"""Where the driver itself lists the GPUs, under the root of the file system."""


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
        sources: where each of "gpus", "driver_version" and "cuda_version" was read, as far as it is known.
    """

    gpus: tuple[Gpu, ...] = ()
    driver_version: str | None = None
    cuda_version: str | None = None
    problem: str | None = None
    sources: Mapping[str, str] = field(factory=dict, eq=False)


def cuda_version_text(number: int | None) -> str | None:
    """Return a version as CUDA counts, where 12040 is 12.4, as people write it."""
    return None if number is None else f"{number // 1000}.{number % 1000 // 10}"


def gpu_fingerprint(root: Path = Path("/")) -> tuple[str, ...]:
    """Return what changes when other GPUs are there or visible, without asking the driver: that takes long."""
    found = sorted(path.name for path in root.glob(f"{LISTING}/*"))
    return (*found, os.environ.get("CUDA_VISIBLE_DEVICES", "all"))


def only_visible(scan: GpuScan) -> GpuScan:
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
