"""Which of a machine's GPUs an engine runs on. An engine holds machine code for the GPU that it was built on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from inference_models import InvalidParameterError

if TYPE_CHECKING:
    from inference_models.developer_tools import Environment, TRTPackageDetails


def parse_device(text: str) -> int | None:
    """Return the number of a CUDA device, None for "cuda" without one.

    Raises:
        InvalidParameterError: it is another device.
    """
    match = re.fullmatch(r"cuda(?::(\d{1,4}))?", text.strip().lower(), re.ASCII)
    if match is None:
        raise InvalidParameterError(
            f"device={text!r} was asked for, and TensorRT runs on NVIDIA GPUs only: cuda or cuda:<number>."
        )
    return None if match[1] is None else int(match[1])


def slug(name: str) -> str:
    """Return the name of a GPU as packages write it: "nvidia-l4" for "NVIDIA L4"."""
    return name.strip().lower().replace(" ", "-")


def matching_gpus(details: TRTPackageDetails | None, environment: Environment, wanted: int | None = None) -> list[int]:
    """Return the numbers of the GPUs that an engine runs on, as far as that is known.

    Args:
        details: what it was built for; None: any GPU may do.
        environment: whose GPUs.
        wanted: only the GPU with this number. None: all.
    """
    return [
        gpu.index
        for gpu in environment.gpus
        if wanted in (None, gpu.index) and _fits(details, gpu.name, gpu.compute_capability)
    ]


def describe_gpus(environment: Environment, wanted: int | None = None) -> str:
    """Return the GPUs in words."""
    gpus = (gpu for gpu in environment.gpus if wanted in (None, gpu.index))
    return _listed(f"cuda:{gpu.index} {slug(gpu.name)} ({gpu.compute_capability or 'unknown'})" for gpu in gpus)


def _fits(details: TRTPackageDetails | None, name: str, capability: str | None) -> bool:
    if details is None:
        return True
    same_capability = None in (capability, details.compute_capability) or capability == details.compute_capability
    if details.same_cc_compatible or details.device_name is None:
        return same_capability
    return slug(name) == details.device_name and same_capability


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
