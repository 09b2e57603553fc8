"""An engine as a session: torch tensors on its device in, tensors on its device out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from im_backend_trt.engine import Engine
from im_backend_trt.graphs import Graphs
from im_backend_trt.lanes import Lanes
from im_backend_trt.layout import Layout, Port
from inference_models import BaseInferenceModelsError, ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import run_failure

if TYPE_CHECKING:
    from inference_models.developer_tools import ArrayKind, CudaGraphCache


@frozen
class _Opened:
    """What a session holds until it is closed."""

    lanes: Lanes
    graphs: Graphs | None


class TRTSession:
    """A network in TensorRT; see `inference_models.developer_tools.Session`. Takes and gives torch tensors.

    Runs are enqueued on the GPU in the order of the caller's torch stream and not waited for, as torch's own are:
    reading a result waits for it.

    Attributes:
        batch_range: the smallest and the largest batch that one run takes.
    """

    array_kind: ArrayKind = "torch"

    def __init__(self, engine: Engine, layout: Layout, cuda_graphs: CudaGraphCache | None = None) -> None:
        self._name = engine.path.name
        self._device = engine.device
        self._layout = layout
        self.inputs = tuple(port.info for port in layout.inputs)
        self.outputs = tuple(port.info for port in layout.outputs)
        self.batch_range = layout.batch_range
        self.device = engine.device.name
        graphs = None if cuda_graphs is None else Graphs(engine, layout, cuda_graphs)
        self._opened: _Opened | None = _Opened(Lanes(engine, layout), graphs)
        self.runtime: Mapping[str, object] = {
            "backend": "trt",
            "version": engine.runtime.version,
            "runtime": engine.runtime.kind,
            "batch_range": layout.batch_range,
            "profiles": len(layout.profiles),
            "cuda_graphs": None if cuda_graphs is None else cuda_graphs.capacity,
            "working_memory_bytes": engine.working_memory,
        }

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the network once; from several threads at the same time if need be.

        Args:
            feeds: a tensor on the session's device for each input name, of the input's dtype and shape, with a batch
                within `batch_range`. One that is contiguous and aligned is used as it is, another is copied.

        Returns:
            A new tensor on the session's device for each output name.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: names, types, dtypes, devices or shapes are not the network's, or it failed.
        """
        opened = self._opened  # a `close()` from another thread leaves this run what it needs
        if opened is None:
            raise SessionClosedError(f"The session of {self._name} is closed. Load the model again to use it.")
        try:
            tensors = {port.info.name: self._checked(feeds[port.info.name], port) for port in self._layout.inputs}
            if len(tensors) != len(feeds):
                raise TypeError("there are inputs that the network does not have")
            profile = self._layout.profile_for({name: tuple(tensor.shape) for name, tensor in tensors.items()})
            if profile is None:
                raise TypeError(f"a shape is outside of what the engine was built for: {self._ranges()}")
            with self._device.active():
                if opened.graphs is not None:
                    return opened.graphs.run(tensors, profile)
                with opened.lanes.borrow() as lane:
                    return lane.run(tensors, profile)
        except KeyError as error:
            raise self._refusal(feeds, f"input {error} is missing") from None
        except BaseInferenceModelsError as error:
            raise self._refusal(feeds, error.message) from error
        except Exception as error:  # of torch: out of memory, an illegal address, a lost device
            raise self._refusal(feeds, " ".join(str(error).split()) or type(error).__name__) from error

    def close(self) -> None:
        """Release the network once the runs in progress are through. Calling it again does nothing."""
        self._opened = None

    def _checked(self, tensor: Any, port: Port) -> Any:
        if not isinstance(tensor, self._device.torch.Tensor):
            raise TypeError(f"this session takes torch tensors, not {type(tensor).__module__}.{type(tensor).__name__}")
        if tensor.dtype != port.dtype:
            raise TypeError("a tensor has another dtype than the network's input; convert it with to()")
        if str(tensor.device) != self.device:
            raise TypeError(f"a tensor is on {tensor.device}; move it with to({self.device!r})")
        tensor = tensor.contiguous()
        return tensor if tensor.data_ptr() % self._device.alignment == 0 else tensor.clone()

    def _ranges(self) -> str:
        parts = []
        for profile in self._layout.profiles:
            parts.append(", ".join(f"{name} {low} to {high}" for name, (low, high) in profile.ranges.items()))
        return " or ".join(parts)

    def _refusal(self, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
        return run_failure(self, self._name, feeds, reason)
