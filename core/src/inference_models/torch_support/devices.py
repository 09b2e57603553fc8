"""Devices: what a name means, and which one torch really gets."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from attrs import frozen

from inference_models.errors import DeviceUnavailableError, InvalidParameterError

KINDS = ("cpu", "cuda", "mps")
"""The kinds of devices that torch's own packages run on here."""

_INSTALL_CUDA = "install a build of torch with CUDA, as https://pytorch.org/get-started/locally says"

logger = logging.getLogger(__name__)
_warned: set[str] = set()


@frozen
class TorchDevice:
    """A device by name, for example "cuda:1": its kind, and its number if one was given."""

    kind: str
    index: int | None = None

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


def parse_torch_device(text: str) -> TorchDevice:
    """Return the device named `text`.

    Raises:
        InvalidParameterError: torch, as far as it is used here, knows no such device.
    """
    kind, _, number = text.strip().lower().partition(":")
    if kind not in KINDS or (":" in text and not (number.isascii() and number.isdecimal())):
        known = False
    else:
        known = not number or kind == "cuda" or int(number) == 0
    if not known:
        raise InvalidParameterError(
            f"device={text!r} is not a device that is known here: cpu, cuda, cuda:<number> or mps."
        )
    return TorchDevice(kind, int(number) if number and kind == "cuda" else None)


def choose_torch_device(torch: Any, asked: str | None, supported: Collection[str] = KINDS) -> str:
    """Return the device to use, as torch names it: "cpu", "cuda:0", "mps".

    Args:
        torch: the module.
        asked: what the user asked for; None: CUDA where it works, else the CPU. Apple's GPUs are used when they are
            asked for: they lack operators that networks use.
        supported: the kinds that the package runs on.

    Raises:
        DeviceUnavailableError: it cannot be had. The message says why.
        InvalidParameterError: there is no such device.
    """
    if asked is None:
        return _default_device(torch, supported)
    device = parse_torch_device(asked)
    if device.kind not in supported:
        raise DeviceUnavailableError(
            f"Device {str(device)!r} was asked for, and the package runs on {', '.join(sorted(supported))} only. Ask "
            f"for one of these, or use a package that was exported for {device.kind}."
        )
    reason = why_not(torch, device)
    if reason is not None:
        raise DeviceUnavailableError(f"Device {str(device)!r} was asked for and cannot be had: {reason}")
    return _full_name(torch, device)


def why_not(torch: Any, device: TorchDevice) -> str | None:
    """Return why torch cannot use a device and what to do about it; None when it can."""
    if device.kind == "cuda":
        return _why_no_cuda(torch, device.index)
    if device.kind == "mps" and not torch.backends.mps.is_available():
        return "torch finds no GPU of Apple's here. Ask for another device."
    return None


def _why_no_cuda(torch: Any, index: int | None) -> str | None:
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return f"the installed torch {torch.__version__} is built without CUDA. To use a GPU, {_INSTALL_CUDA}."
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # torch asserts that its build has CUDA
        return f"{first_line(error)} Check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES."
    count = torch.cuda.device_count()
    if index is not None and index >= count:
        return f"the highest that this process can use is cuda:{count - 1}. Ask for one that is there."
    return None


def _default_device(torch: Any, supported: Collection[str]) -> str:
    reasons: list[str] = []
    for kind in ("cuda", "cpu", "mps"):
        if kind not in supported:
            continue
        reason = why_not(torch, TorchDevice(kind))
        if reason is None:
            if reasons and _has_cuda(torch):
                _warn_once(f"torch {torch.__version__} is built for CUDA and runs on {kind}: {reasons[0]}")
            return _full_name(torch, TorchDevice(kind))
        reasons.append(reason)
    raise DeviceUnavailableError(
        f"The package runs on {', '.join(sorted(supported)) or 'no device'} only, and that cannot be had: "
        f"{' '.join(reasons) or 'torch knows no such device.'}"
    )


def _has_cuda(torch: Any) -> bool:
    return torch.version.cuda is not None


def _full_name(torch: Any, device: TorchDevice) -> str:
    if device.kind == "cuda":
        return f"cuda:{torch.cuda.current_device() if device.index is None else device.index}"
    return device.kind


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, with a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(". ") + "."


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        logger.warning("%s", message)
