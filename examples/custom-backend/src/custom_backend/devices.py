"""Devices: what a name means, and whether OpenVINO really has it."""

from __future__ import annotations

import re
from typing import Any

from inference_models import DeviceUnavailableError

DEFAULT = "cpu"

_NAME = re.compile(r"cpu|npu|gpu(?::([0-9]+))?")


def openvino_name(device: str) -> str | None:
    """Return OpenVINO's name for "cpu", "gpu", "gpu:1" or "npu"; None for what is no device of its."""
    match = _NAME.fullmatch(device.lower())
    if match is None:
        return None
    return match[0].upper() if match[1] is None else f"GPU.{int(match[1])}"


def our_name(device: str) -> str:
    """Return the name as users write it of what OpenVINO calls "GPU.1"."""
    return device.lower().replace(".", ":")


def refusal(device: str) -> str:
    """Return why a device is none of OpenVINO's."""
    return f"device {device!r} was asked for and OpenVINO runs on cpu, gpu and gpu:<number> (Intel's), and npu"


def choose_device(core: Any, asked: str | None) -> str:
    """Return the device to use, as OpenVINO names it.

    Without a wish that is the CPU: it runs every network. An NPU takes no free batch size, and a GPU compiles for
    seconds when a model is loaded, so neither may come as a surprise.

    Args:
        core: an `openvino.Core`.
        asked: what the user asked for.

    Raises:
        DeviceUnavailableError: it cannot be had. The message says why.
    """
    name = openvino_name(asked or DEFAULT)
    if name is None:
        raise DeviceUnavailableError(f"It cannot be had: {refusal(str(asked))}. Ask for one of these.")
    present = core.available_devices
    if name in present or (name == "GPU.0" and "GPU" in present):  # a single one goes by the bare name
        return name
    raise DeviceUnavailableError(
        f"OpenVINO cannot use device {asked or DEFAULT!r}: {_why_missing(core, name)}. It can use: "
        f"{', '.join(map(our_name, present)) or 'none'}. Install the device's driver, or ask for another device."
    )


def _why_missing(core: Any, name: str) -> str:
    from custom_backend.network import reason_of

    try:
        core.get_property(name, "FULL_DEVICE_NAME")
    except RuntimeError as error:
        return reason_of(error)
    return "it is not among the devices that OpenVINO finds"
