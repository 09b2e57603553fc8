"""How arrays get into a network and out of it: numpy arrays in main memory, or torch tensors where it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from im_backend_onnx.torch_exchange import TorchExchange
from inference_models import DeviceUnavailableError, InvalidParameterError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np

    from inference_models.developer_tools import ArrayKind, TensorInfo

logger = logging.getLogger(__name__)

INSTALL_TORCH = 'pip install "im-backend-torch"'


class Exchange(Protocol):
    """One way for arrays to get in and out. Safe to use from several threads."""

    @property
    def kind(self) -> ArrayKind:
        """Which library's arrays it takes and gives."""

    @property
    def note(self) -> str:
        """The same for a report, with the reason."""

    def run(self, session: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run `session` once.

        Raises:
            KeyError: an input is missing.
            TypeError: an array is not what the network takes; the message says what is wrong.
            Exception: whatever ONNX Runtime raises.
        """

    def free_memory(self) -> int | None:
        """Return how many bytes are free on the device; None when that is not known."""


def choose_exchange(
    session: Any,
    inputs: Sequence[TensorInfo],
    outputs: Sequence[TensorInfo],
    device: str,
    wanted: ArrayKind | None,
) -> Exchange:
    """Return how a session exchanges arrays.

    Args:
        session: what ONNX Runtime opened.
        inputs: of the network.
        outputs: of the network.
        device: where it runs.
        wanted: what the user asked for. None: torch tensors on a GPU of NVIDIA's that torch can use, numpy arrays
            elsewhere.

    Raises:
        MissingDependencyError: tensors are wanted and torch is not there.
        DeviceUnavailableError: tensors are wanted and torch cannot use the device.
        InvalidParameterError: tensors are wanted and the network has inputs or outputs that are none.
    """
    if wanted == "numpy" or (wanted is None and not device.startswith("cuda")):
        return NumpyExchange(inputs, outputs)
    try:
        torch = _torch_for(device, [*inputs, *outputs])
    except (MissingDependencyError, DeviceUnavailableError, InvalidParameterError) as error:
        if wanted is not None:
            raise
        logger.info("Arrays are exchanged with %s through main memory: %s", device, error.message)
        return NumpyExchange(inputs, outputs, f"numpy arrays, copied through main memory: {error.message}")
    return TorchExchange(torch, session, inputs, outputs, device)


def _torch_for(device: str, infos: Sequence[TensorInfo]) -> Any:
    """Return the module torch, which can hold such arrays on `device`."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a library that it loads is missing
        raise MissingDependencyError(f"torch cannot be imported: {error}. Install it: {INSTALL_TORCH}") from error
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda"):
        raise DeviceUnavailableError(f"torch tensors cannot be exchanged with {device!r}, only with cpu and cuda.")
    if kind == "cuda" and not (torch.version.cuda and int(number or 0) < torch.cuda.device_count()):
        raise DeviceUnavailableError(
            f"the installed torch {torch.__version__} cannot use {device}. Install one that is built for CUDA."
        )
    for info in infos:
        if not isinstance(getattr(torch, info.dtype, None), torch.dtype):
            raise InvalidParameterError(f"{info.name!r} is of type {info.dtype}, which no torch tensor holds.")
    return torch


class NumpyExchange:
    """Numpy arrays in, numpy arrays out. ONNX Runtime copies them to a device and back where there is one."""

    kind: ArrayKind = "numpy"

    def __init__(self, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], note: str = "numpy arrays") -> None:
        import numpy as np

        self.note = note
        self._ndarray = np.ndarray
        self._dtypes = [(info.name, _numpy_dtype(info.dtype)) for info in inputs]
        self._names = [info.name for info in outputs]

    def run(self, session: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """See `Exchange.run`."""
        arrays = {name: self._checked(feeds[name], dtype) for name, dtype in self._dtypes}
        if len(arrays) != len(feeds):
            raise TypeError("there are inputs that the network does not have")
        return dict(zip(self._names, session.run(self._names, arrays), strict=True))

    def free_memory(self) -> int | None:
        """See `Exchange.free_memory`."""
        return None

    def _checked(self, array: Any, dtype: np.dtype[Any] | None) -> Any:
        if not isinstance(array, self._ndarray):
            raise TypeError(f"this session takes numpy arrays, not {type(array).__module__}.{type(array).__name__}")
        if dtype is not None and array.dtype != dtype:
            raise TypeError("an array has another dtype than the network's input; convert it with astype()")
        if array.flags.c_contiguous:
            return array
        import numpy as np

        return np.ascontiguousarray(array)


def _numpy_dtype(name: str) -> np.dtype[Any] | None:
    """Return the dtype to insist on; None for what numpy has no type of its own for, which ONNX Runtime checks."""
    import numpy as np

    if name == "float16" or (name.rstrip("0123456789") in ("float", "int", "uint", "bool") and hasattr(np, name)):
        return np.dtype(name)
    return None
