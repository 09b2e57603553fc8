"""A stand-in for the module `tensorrt`: the same names and arguments, over ONNX Runtime and main memory.

An engine is an ONNX network with profiles. A context reads its inputs from the addresses it was given and writes its
outputs to others, so a wrong binding gives wrong numbers. What would be undefined behaviour in TensorRT raises here:
a context in two threads at once, a missing address, a shape outside of the profile. `test_real_bindings.py` compares
every name and argument with the real module.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from enum import Enum, IntEnum
from typing import Any

__version__ = "10.16.1.11"
MAGIC = b"fake engine "


class MisuseError(AssertionError):
    """The code under test did what would crash TensorRT."""


DataType = Enum("DataType", "FLOAT HALF BF16 INT8 INT32 INT64 BOOL UINT8 FP8 INT4", module=__name__)
TensorIOMode = Enum("TensorIOMode", "NONE INPUT OUTPUT", module=__name__)
TensorLocation = Enum("TensorLocation", "DEVICE HOST", module=__name__)
BuilderFlag = Enum("BuilderFlag", "FP16 TF32", module=__name__)


class NetworkDefinitionCreationFlag(IntEnum):
    EXPLICIT_BATCH = 0
    STRONGLY_TYPED = 1


class State:
    """What tests set and read: the stand-in has one GPU."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.contexts = 0
        self.running = 0
        self.most_running = 0
        self.executed = 0
        self.context_memory_left = 1 << 30
        self.say: list[tuple[str, str]] = []  # (severity, text) of the next failure
        self.capturing: dict[int, list[Any]] = {}  # by thread
        self.run_seconds = 0.0
        self.build_steps = 3
        self.build_step_seconds = 0.0
        self.flags: list[Any] = []
        self.networks: list[int] = []
        self.host_code: list[bool] = []
        self.plugins_registered = 0
        self.lock = threading.Lock()


state = State()


class Dims(tuple):  # type: ignore[type-arg]
    """A shape."""


class ILogger:
    class Severity(Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3
        VERBOSE = 4

    INTERNAL_ERROR, ERROR, WARNING = Severity.INTERNAL_ERROR, Severity.ERROR, Severity.WARNING
    INFO, VERBOSE = Severity.INFO, Severity.VERBOSE

    def __init__(self) -> None:
        self._made = True

    def log(self, severity: Any, msg: str) -> None:
        raise NotImplementedError


def complain(logger: Any, default: str) -> None:
    if not getattr(logger, "_made", False):
        raise MisuseError("ILogger.__init__ was not called")
    for severity, text in state.say or [("ERROR", default)]:
        logger.log(ILogger.Severity[severity], text)
    state.say = []


def init_libnvinfer_plugins(logger: Any, namespace: str) -> bool:
    state.plugins_registered += 1
    return True


def serialize(
    model: Any, profiles: list[dict[str, list[tuple[int, ...]]]], outputs: dict[str, str] | None = None
) -> bytes:
    """Return an engine file. `outputs` states types that numpy lacks, such as {"y": "BF16"}."""
    document = {
        "onnx": b64encode(model.SerializeToString()).decode(),
        "profiles": profiles,
        "outputs": outputs or {},
    }
    return MAGIC + json.dumps(document).encode()


def shape_of(value: Any) -> tuple[int, ...]:
    return tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in value.type.tensor_type.shape.dim)
