"""The half of the stand-in that runs engines."""

from __future__ import annotations

import ctypes
import json
import threading
import time
from base64 import b64decode
from typing import Any

import numpy as np
import onnx
import onnxruntime

from .common import (  # type: ignore[import-not-found]
    MAGIC,
    DataType,
    Dims,
    ILogger,
    MisuseError,
    TensorIOMode,
    TensorLocation,
    complain,
    shape_of,
    state,
)

_NUMPY = {
    "FLOAT": "f4",
    "HALF": "f2",
    "BF16": "u2",
    "INT8": "i1",
    "UINT8": "u1",
    "INT32": "i4",
    "INT64": "i8",
    "BOOL": "?",
}
_OF_ONNX = {1: "FLOAT", 2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 9: "BOOL", 10: "HALF"}


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self.logger = logger
        self.engine_host_code_allowed = False

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        state.host_code.append(self.engine_host_code_allowed)
        if state.say or not serialized_engine.startswith(MAGIC):
            complain(
                self.logger,
                "IRuntime::deserializeCudaEngine: Serialization assertion magicTagRead == kMAGIC_TAG failed.",
            )
            return None
        try:
            document = json.loads(serialized_engine[len(MAGIC) :])
        except ValueError:
            complain(self.logger, "IRuntime::deserializeCudaEngine: the plan ends too early.")
            return None
        return ICudaEngine(document, self.logger)


class ICudaEngine:
    device_memory_size_v2 = 1 << 20

    def __init__(self, document: dict[str, Any], logger: ILogger) -> None:
        content = b64decode(document["onnx"])
        graph = onnx.load_from_string(content).graph
        self._logger = logger
        self._session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self._profiles = document["profiles"]
        self._types = {
            value.name: _OF_ONNX[value.type.tensor_type.elem_type] for value in (*graph.input, *graph.output)
        }
        self._types |= document["outputs"]
        self._shapes = {value.name: shape_of(value) for value in (*graph.input, *graph.output)}
        self._inputs = [value.name for value in graph.input]
        self._names = [*self._inputs, *(value.name for value in graph.output)]

    @property
    def num_io_tensors(self) -> int:
        return len(self._names)

    @property
    def num_optimization_profiles(self) -> int:
        return len(self._profiles)

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_mode(self, name: str) -> Any:
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> Dims:
        return Dims(self._shapes[name])

    def get_tensor_dtype(self, name: str) -> Any:
        return DataType[self._types[name]]

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Dims]:
        return [Dims(shape) for shape in self._profiles[profile_index][name]]

    def is_shape_inference_io(self, name: str) -> bool:
        return name.startswith("shape_of")

    def get_tensor_location(self, name: str) -> Any:
        return TensorLocation.HOST if name.startswith("on_host") else TensorLocation.DEVICE

    def get_tensor_vectorized_dim(self, name: str) -> int:
        return 1 if name.startswith("vectorised") else -1

    def get_tensor_format_desc(self, name: str) -> str:
        return "Channel major INT8 format with 32 components"

    def create_execution_context(self) -> IExecutionContext | None:
        with state.lock:
            if state.context_memory_left < self.device_memory_size_v2:
                complain(
                    self._logger, "[defaultAllocator.cpp::allocate::48] Error Code 1: Cuda Runtime (out of memory)"
                )
                return None
            state.context_memory_left -= self.device_memory_size_v2
            state.contexts += 1
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._profile = 0
        self._busy = threading.Lock()

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        self._profile = profile_index
        self._shapes.clear()
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if -1 in self._engine._shapes[name]:
            smallest, _, largest = self._engine._profiles[self._profile][name]
            if not all(low <= size <= high for low, size, high in zip(smallest, shape, largest, strict=True)):
                complain(self._engine._logger, f"IExecutionContext::setInputShape: {shape} is out of the profile")
                return False
        self._shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def get_tensor_shape(self, name: str) -> Dims:
        if name in self._engine._inputs:
            return Dims(self._shapes[name])
        if name.startswith("unknown_size"):
            return Dims((-1, 4))
        zeros = {one: np.zeros(self._shapes[one], self._dtype(one)) for one in self._engine._inputs}
        return Dims(self._engine._session.run([name], zeros)[0].shape)

    def execute_async_v3(self, stream_handle: int) -> bool:
        if missing := set(self._engine._names) - set(self._addresses):
            raise MisuseError(f"no address for {sorted(missing)}")
        shapes, addresses = dict(self._shapes), dict(self._addresses)
        if state.say:
            complain(self._engine._logger, "")
            return False
        captured = state.capturing.get(threading.get_ident())
        if captured is not None:
            captured.append(lambda: self._compute(shapes, addresses))
            return True
        return self._compute(shapes, addresses)

    def _compute(self, shapes: dict[str, tuple[int, ...]], addresses: dict[str, int]) -> bool:
        if not self._busy.acquire(blocking=False):
            raise MisuseError("two threads use one execution context")
        try:
            with state.lock:
                state.running += 1
                state.executed += 1
                state.most_running = max(state.most_running, state.running)
            time.sleep(state.run_seconds)
            engine = self._engine
            feeds = {name: _read(addresses[name], shapes[name], self._dtype(name)) for name in engine._inputs}
            outputs = [name for name in engine._names if name not in engine._inputs]
            for name, values in zip(outputs, engine._session.run(outputs, feeds), strict=True):
                _write(addresses[name], values, engine._types[name])
            return True
        finally:
            with state.lock:
                state.running -= 1
            self._busy.release()

    def _dtype(self, name: str) -> str:
        return _NUMPY[self._engine._types[name]]


def _read(address: int, shape: tuple[int, ...], dtype: str) -> Any:
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(ctypes.string_at(address, count), dtype).reshape(shape)


def _write(address: int, values: Any, kind: str) -> None:
    if kind == "BF16":  # the upper half of a float32, rounded to nearest
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        values = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    else:
        values = np.ascontiguousarray(values, _NUMPY[kind])
    ctypes.memmove(address, values.tobytes(), values.nbytes)
