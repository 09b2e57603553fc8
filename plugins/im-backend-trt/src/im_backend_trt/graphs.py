"""Runs recorded as CUDA graphs: the GPU repeats a whole run without asking for each of its steps."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from im_backend_trt.engine import Engine
from im_backend_trt.lanes import Lane
from im_backend_trt.layout import Layout, Profile
from inference_models.developer_tools import CudaGraphCache


class RecordedRun:
    """One run with the tensors that it reads and writes, which never change place."""

    def __init__(self, engine: Engine, layout: Layout, tensors: Mapping[str, Any], profile: Profile) -> None:
        device = engine.device
        self._device = device
        self._lane = Lane(engine, layout)  # its addresses are part of the graph, so nobody else may use it
        self._lock = threading.Lock()
        stream = self._lane.stream
        stream.wait_stream(device.current_stream())
        with device.on(stream):
            self._inputs = {name: tensor.clone() for name, tensor in tensors.items()}
            for tensor in tensors.values():
                device.hold(tensor, stream)
            self._outputs = self._lane.prepare(self._inputs, profile)
            self._lane.enqueue()  # TensorRT prepares itself in the first run with a shape, which cannot be recorded
        stream.synchronize()
        self._graph = device.record(stream, self._lane.enqueue)

    def __call__(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Run it on other data of the same shapes and return new tensors."""
        device, stream = self._device, self._lane.stream
        caller = device.current_stream()
        with self._lock, device.on(stream):
            stream.wait_stream(caller)
            for name, tensor in tensors.items():
                self._inputs[name].copy_(tensor)
                device.hold(tensor, stream)
            self._graph.replay()
            outputs = {name: tensor.clone() for name, tensor in self._outputs.items()}
            caller.wait_stream(stream)
        for tensor in outputs.values():
            device.hold(tensor, caller)
        return outputs


class Graphs:
    """The recorded runs of a session, by the shapes and dtypes of the inputs."""

    def __init__(self, engine: Engine, layout: Layout, cache: CudaGraphCache) -> None:
        cache.claim(self)
        self._engine = engine
        self._layout = layout
        self._cache = cache
        self._recording = threading.Lock()

    def run(self, tensors: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
        """Run, with a graph that is recorded now if there is none."""
        key = (
            tuple(tuple(tensor.shape) for tensor in tensors.values()),
            tuple(str(tensor.dtype) for tensor in tensors.values()),
            self._engine.device.name,
        )
        recorded = self._cache.get(key)
        if recorded is None:
            with self._recording:  # CUDA records one graph at a time
                recorded = self._cache.get(key)
                if recorded is None:
                    recorded = RecordedRun(self._engine, self._layout, tensors, profile)
                    self._cache[key] = recorded
        outputs: dict[str, Any] = recorded(tensors)
        return outputs
