"""A runtime that computes `y = scale * x + shift`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    ModelRuntimeError,
    SessionClosedError,
)
from inference_models.developer_tools import TensorInfo


def open_session(directory, *, device, package, options):
    use(device)
    try:
        network = json.loads((Path(directory) / "network.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptedModelPackageError(f"{directory} holds no network: {error}. Replace it.") from error
    return Session(network["scale"], network["shift"])


def make_toolkit(*, device, package, options):
    use(device)
    return SimpleNamespace(device="cpu")


def use(device):
    if device not in {None, "cpu"}:
        raise DeviceUnavailableError(f"Device {device!r} was asked for, and there is only the cpu.")


class Session:
    array_kind = "numpy"
    device = "cpu"
    inputs = (TensorInfo("x", (None, 3), "float32"),)
    outputs = (TensorInfo("y", (None, 3), "float32"),)

    def __init__(self, scale, shift):
        self.network = (np.float32(scale), np.float32(shift))
        self.runtime = {"backend": "acme-npu"}

    def run(self, feeds):
        network = self.network
        if network is None:
            raise SessionClosedError("This session is closed. Open the package again.")
        if set(feeds) != {"x"} or not isinstance(feeds["x"], np.ndarray):
            raise ModelRuntimeError("The network takes an array x.")
        x = feeds["x"]
        if x.ndim != 2 or x.shape[1] != 3 or x.dtype != np.float32:
            raise ModelRuntimeError(f"The network takes float32 (any, 3), not {x.dtype} {x.shape}.")
        return {"y": x * network[0] + network[1]}

    def close(self):
        self.network = None
