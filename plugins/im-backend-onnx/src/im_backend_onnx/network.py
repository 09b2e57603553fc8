"""A network that ONNX Runtime has opened, as a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im_backend_onnx import diagnosis
from im_backend_onnx.exchange import Exchange, choose_exchange
from im_backend_onnx.providers import device_of, without_secrets
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import TensorInfo, run_failure

if TYPE_CHECKING:
    from inference_models.developer_tools import ArrayKind


class ONNXSession:
    """A network in ONNX Runtime; see `inference_models.developer_tools.Session`.

    It takes and gives arrays of the kind `array_kind`: torch tensors on `device`, or numpy arrays.
    """

    def __init__(
        self, session: Any, *, weights: Path, threads: int, opset: int | None, array_kind: ArrayKind | None = None
    ) -> None:
        import onnxruntime

        self._session: Any = session
        self._weights = weights
        self.inputs = tuple(map(_describe, session.get_inputs()))
        self.outputs = tuple(map(_describe, session.get_outputs()))
        options = session.get_provider_options()
        providers = tuple(session.get_providers())
        self.device = device_of(providers[0], options.get(providers[0], {}))
        self._exchange: Exchange = choose_exchange(session, self.inputs, self.outputs, self.device, array_kind)
        self.runtime: Mapping[str, object] = {
            "backend": "onnx",
            "version": onnxruntime.__version__,
            "execution_providers": providers,
            "provider_options": without_secrets(options),
            "arrays": self._exchange.note,
            "threads": threads,
            "opset": opset,
        }

    @property
    def array_kind(self) -> ArrayKind:
        """Which library's arrays `run` takes and gives."""
        return self._exchange.kind

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run the network once; from several threads at the same time if need be.

        Args:
            feeds: an array for each input name, of the input's dtype and shape. A numpy array that is contiguous
                in C order, or a tensor that is contiguous and on `device`, is used as it is; another layout is copied.
                Work that fills a tensor may still be under way on torch's current stream.

        Returns:
            A new array for each output name, complete.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: names, types, dtypes, devices or shapes are not the network's, a step of it failed, or
                memory ran out.
        """
        session = self._session  # a `close()` from another thread leaves this run its session
        if session is None:
            raise SessionClosedError(f"The session of {self._weights.name} is closed. Load the model again to use it.")
        try:
            return self._exchange.run(session, feeds)
        except KeyError as error:
            raise self._refusal(feeds, f"input {error} is missing") from None
        except TypeError as error:
            raise self._refusal(feeds, str(error)) from error
        except Exception as error:
            memory = diagnosis.explain_out_of_memory(error, self._exchange.free_memory)
            raise self._refusal(feeds, memory or diagnosis.reason_of(error)) from error

    def close(self) -> None:
        """Release the network once the runs in progress are through. Calling it again does nothing."""
        self._session = None

    def _refusal(self, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
        return run_failure(self, self._weights.name, feeds, reason)


def _describe(argument: Any) -> TensorInfo:
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape)
    return TensorInfo(argument.name, shape, _dtype_name(argument.type))


# Where ONNX Runtime's name of an element type is not numpy's.
_DTYPE_NAMES = {"float": "float32", "double": "float64", "bool": "bool", "string": "str"}


def _dtype_name(onnx_type: str) -> str:
    """Return numpy's name for "tensor(float)"; what is no tensor (a sequence, a map) keeps ONNX's name."""
    if not onnx_type.startswith("tensor(") or not onnx_type.endswith(")"):
        return onnx_type
    element = onnx_type[len("tensor(") : -1]
    return _DTYPE_NAMES.get(element, element)
