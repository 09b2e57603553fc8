"""A network that OpenVINO has compiled, as a session."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from custom_backend.devices import our_name
from custom_backend.network import reason_of
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import ArrayKind, TensorInfo, run_failure


class OpenVINOSession:
    """A network in OpenVINO; see `inference_models.developer_tools.Session`. Takes and gives numpy arrays.

    Attributes:
        batch_range: the smallest and the largest batch that one run takes; None where there is no largest.
    """

    array_kind: ArrayKind = "numpy"

    def __init__(self, compiled: Any, *, version: str) -> None:
        self._requests: _Requests | None = _Requests(compiled)
        self.inputs = tuple(map(_describe, compiled.inputs))
        self.outputs = tuple(map(_describe, compiled.outputs))
        self.batch_range = _batch_range(compiled)
        self.device = our_name(next(iter(compiled.get_property("EXECUTION_DEVICES"))))
        self.runtime: Mapping[str, object] = {
            "backend": "openvino",
            "version": version,
            "precision": compiled.get_property("INFERENCE_PRECISION_HINT").to_string(),
            "threads": _property(compiled, "INFERENCE_NUM_THREADS"),
            "streams": _property(compiled, "NUM_STREAMS"),
        }

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the network once; from several threads at the same time if need be.

        Args:
            feeds: a numpy array for each input name, of the input's dtype and shape. One that is contiguous in C order
                is used as it is, another is copied.

        Returns:
            A new array for each output name.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: names, types, dtypes or shapes are not the network's, or a step of it failed.
        """
        requests = self._requests  # a `close()` from another thread leaves this run its network
        if requests is None:
            raise SessionClosedError("This session of OpenVINO is closed. Load the model again to use it.")
        self._check(feeds)
        request = requests.take()
        try:
            arrays = {index: np.ascontiguousarray(feeds[info.name]) for index, info in enumerate(self.inputs)}
            results = request.infer(arrays, share_inputs=True)
        except Exception as error:  # the request is not given back: nobody knows what it holds
            raise self._refusal(feeds, reason_of(error)) from error
        outputs = {info.name: results[index] for index, info in enumerate(self.outputs)}
        requests.give_back(request)
        return outputs

    def close(self) -> None:
        """Release the network once the runs in progress are through. Calling it again does nothing."""
        self._requests = None

    def _check(self, feeds: Mapping[str, Any]) -> None:
        """Raise where OpenVINO would not.

        It converts other dtypes without a word, and where an input is missing it takes the one of the last run.
        """
        if set(feeds) != {info.name for info in self.inputs}:
            raise self._refusal(feeds, "the names are not those of its inputs")
        for info in self.inputs:
            array = feeds[info.name]
            if not isinstance(array, np.ndarray):
                raise self._refusal(feeds, f"input {info.name} is no numpy array")
            if array.dtype != info.dtype:
                raise self._refusal(feeds, f"input {info.name} has another dtype")

    def _refusal(self, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
        return run_failure(self, "The network in OpenVINO", feeds, reason)


class _Requests:
    """What runs of one network need: one request for each that is under way, made when all others are busy."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    def take(self) -> Any:
        """Return a request that nobody else uses."""
        with self._lock:
            return self._idle.pop() if self._idle else self._compiled.create_infer_request()

    def give_back(self, request: Any) -> None:
        """Let others use a request."""
        with self._lock:
            self._idle.append(request)


def _describe(port: Any) -> TensorInfo:
    return TensorInfo(_name(port), _shape(port), _dtype(port.element_type))


def _name(port: Any) -> str:
    # A tensor may have several names, in no order, and an output that nobody named has none.
    return str(min(port.get_names(), default=port.get_node().get_friendly_name()))


def _shape(port: Any) -> tuple[int | None, ...]:
    shape = port.partial_shape
    if shape.rank.is_dynamic:
        return ()
    return tuple(None if size.is_dynamic else size.get_length() for size in shape)


def _dtype(element: Any) -> str:
    try:
        return str(np.dtype(element.to_dtype()))
    except (RuntimeError, TypeError):  # types that numpy does not have
        return str(element.to_string())


def _batch_range(compiled: Any) -> tuple[int, int | None]:
    shape = compiled.inputs[0].partial_shape if compiled.inputs else None
    if shape is None or shape.rank.is_dynamic or not len(shape):
        return 1, None
    largest = shape[0].max_length
    return max(shape[0].min_length, 1), largest if largest > 0 else None


def _property(compiled: Any, name: str) -> object:
    try:
        return compiled.get_property(name)
    except RuntimeError:  # not every device has every property
        return None
