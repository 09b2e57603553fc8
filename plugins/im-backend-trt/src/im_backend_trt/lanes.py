"""Running an engine from several threads at once: each run has a lane to itself, and lanes are used again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from im_backend_trt.engine import Engine
from im_backend_trt.layout import Layout, Profile
from im_backend_trt.logs import quote
from inference_models import ModelRuntimeError


class Lane:
    """An execution context with a stream of its own. TensorRT lets no two threads use one context at a time.

    Work is enqueued, not waited for: a lane may be used again while the GPU is busy with its last run, because both
    lie on the same stream. Tensors are handed to TensorRT by address, nothing is copied.
    """

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self._engine = engine
        self._layout = layout
        self.context = engine.create_context()
        self.stream = engine.device.new_stream()
        self._profile = 0

    def run(self, tensors: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
        """Run the network on the caller's tensors and return new ones, which are ready in the order of its stream."""
        device, stream = self._engine.device, self.stream
        caller = device.current_stream()
        with device.on(stream):
            stream.wait_stream(caller)
            outputs = self.prepare(tensors, profile)
            self.enqueue()
            for tensor in tensors.values():
                device.hold(tensor, stream)
            caller.wait_stream(stream)
        for tensor in outputs.values():
            device.hold(tensor, caller)
        return outputs

    def __del__(self) -> None:
        with suppress(Exception):  # the process may be ending
            self.stream.synchronize()  # TensorRT must not free what the GPU still works with

    def prepare(self, tensors: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
        """Bind inputs and return new tensors that are bound to the outputs. The lane's stream must be current.

        Raises:
            ModelRuntimeError: TensorRT refuses a shape or an address.
        """
        self._engine.log.drain()
        context = self.context
        if profile.index != self._profile:
            self._require(context.set_optimization_profile_async(profile.index, self.stream.cuda_stream))
            self._profile = profile.index
        for name, tensor in tensors.items():
            self._require(context.set_input_shape(name, tuple(tensor.shape)))
            self._require(context.set_tensor_address(name, tensor.data_ptr()))
        outputs = {}
        for port in self._layout.outputs:
            name = port.info.name
            outputs[name] = self._allocate(name, port.dtype)
            self._require(context.set_tensor_address(name, outputs[name].data_ptr()))
        return outputs

    def enqueue(self) -> None:
        """Put a run on the stream. Raises: ModelRuntimeError."""
        self._require(self.context.execute_async_v3(self.stream.cuda_stream))

    def _allocate(self, name: str, dtype: Any) -> Any:
        shape = tuple(self.context.get_tensor_shape(name))
        if any(size < 0 for size in shape):
            raise ModelRuntimeError(
                f"the size of {name!r} depends on the data, which is not supported: export the network so that it is "
                f"padded to a fixed size"
            )
        device = self._engine.device
        try:
            return device.torch.empty(shape, dtype=dtype, device=device.name)
        except device.torch.OutOfMemoryError as error:
            free, total = device.memory()
            raise ModelRuntimeError(
                f"there is no memory for {name!r} of shape {shape}: {free / 1e6:.1f} MB of {total / 1e6:.1f} MB are "
                f"free on {device.name}. Give fewer images at once"
            ) from error

    def _require(self, accepted: bool) -> None:
        if not accepted:
            raise ModelRuntimeError(quote(self._engine.log.drain()))


class Lanes:
    """The lanes of an engine: as many as there were runs at the same time, at least one."""

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self._engine = engine
        self._layout = layout
        self._idle = [Lane(engine, layout)]
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[Lane]:
        """Yield a lane that nobody else uses meanwhile.

        Raises:
            ModelLoadingError: there is no memory for another one.
        """
        with self._lock:
            lane = self._idle.pop() if self._idle else None
        if lane is None:
            lane = Lane(self._engine, self._layout)
        try:
            yield lane
        finally:
            with self._lock:
                self._idle.append(lane)
