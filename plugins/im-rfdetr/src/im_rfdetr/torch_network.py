"""RF-DETR's torch module as a session: tensors in, tensors out, so that all else is the same as over any session."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from im_rfdetr.architecture import Architecture
from inference_models import InvalidParameterError, ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Array, ArrayKind, TensorInfo, TorchToolkit

if TYPE_CHECKING:
    import torch

__all__ = ["TorchNetwork"]

_INPUT = "images"
_DTYPES = ("float32", "float16", "bfloat16")


@frozen
class _Ready:
    """A module as it is called.

    Attributes:
        module: takes images of `dtype`.
        dtype: a `torch.dtype`.
        batch_size: how many images it takes at once; None: any number.
    """

    module: Any
    dtype: Any
    batch_size: int | None = None


class TorchNetwork:
    """RF-DETR on torch. Satisfies `inference_models.developer_tools.Session`.

    Args:
        module: with its weights, where the toolkit placed it.
        architecture: how it is built.
        toolkit: placed it, and provides the context to run it in.
    """

    def __init__(self, module: torch.nn.Module, architecture: Architecture, toolkit: TorchToolkit) -> None:
        self._architecture = architecture
        self._toolkit = toolkit
        self._plain: _Ready | None = _Ready(module, toolkit.dtype)
        # Replaced as a whole: a thread that runs keeps the one that it began with.
        self._in_use: _Ready | None = self._plain

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The images."""
        edge = self._architecture.size.resolution
        return (TensorInfo(_INPUT, (None, 3, edge, edge), "float32"),)

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """Boxes, class scores and, of a segmenter, masks."""
        architecture, size = self._architecture, self._architecture.size
        edge = size.resolution // architecture.mask_downsample
        shapes: dict[str, tuple[int | None, ...]] = {
            "dets": (None, size.queries, 4),
            "labels": (None, size.queries, architecture.classes),
        }
        if size.has_masks:
            shapes["masks"] = (None, size.queries, edge, edge)
        return tuple(TensorInfo(name, shape, "float32") for name, shape in shapes.items())

    @property
    def device(self) -> str:
        """The device it really runs on."""
        return self._toolkit.device

    @property
    def array_kind(self) -> ArrayKind:
        """Tensors."""
        return "torch"

    @property
    def runtime(self) -> Mapping[str, object]:
        """Versions, device, dtype, and whether the network was optimised."""
        in_use = self._require()
        dtype = str(in_use.dtype).removeprefix("torch.")
        return {**self._toolkit.runtime, "dtype": dtype, "optimized": in_use is not self._plain}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the network once, or as often as the batch size needs that it was optimised for.

        Args:
            feeds: "images": (N, 3, height, width) float32 on `device`.

        Returns:
            float32 tensors on `device`.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the device has not enough memory.
        """
        import torch

        in_use, images = self._require(), feeds[_INPUT]
        total, size = len(images), in_use.batch_size or len(images)
        with self._toolkit.inference():
            runs = []
            for part in images.to(in_use.dtype).split(size):
                missing = size - len(part)
                padded = torch.cat([part, part.new_zeros((missing, *part.shape[1:]))]) if missing else part
                runs.append(in_use.module(padded))
            names = [output.name for output in self.outputs]
            return {name: torch.cat(parts)[:total].float() for name, *parts in zip(names, *runs, strict=True)}

    def optimize(self, *, compile_network: bool, dtype: Any, batch_size: int) -> None:
        """Run a copy of the network from now on. See `RFDETRTorchDetector.optimize_for_inference`."""
        import torch

        plain = self._require(self._plain)
        name = str(plain.dtype if dtype is None else dtype).removeprefix("torch.")
        if name not in _DTYPES:
            raise InvalidParameterError(f"dtype= takes one of {', '.join(_DTYPES)}, not {dtype!r}.")
        wanted = getattr(torch, name)
        module = copy.deepcopy(plain.module).to(wanted) if wanted != plain.dtype else plain.module
        if not compile_network:
            self._in_use = _Ready(module, wanted)
            return
        ready = _Ready(torch.compile(module, dynamic=False), wanted, batch_size)
        edge = self._architecture.size.resolution
        try:
            with self._toolkit.inference():
                ready.module(torch.zeros((batch_size, 3, edge, edge), dtype=wanted, device=self.device))
        except Exception as error:
            raise ModelRuntimeError(
                f"torch.compile cannot compile this network here: {type(error).__name__}: {error}. On the CPU it needs "
                f"a C++ compiler. Pass compile=False, or go on without optimize_for_inference()."
            ) from error
        self._in_use = ready

    def restore(self) -> None:
        """Run the network as it was loaded, and drop the optimised one."""
        self._in_use = self._require(self._plain)

    def close(self) -> None:
        """Release the module. Calling it again does nothing."""
        self._plain = self._in_use = None

    def _require(self, ready: _Ready | None = None) -> _Ready:
        found = ready or self._in_use
        if found is None:
            raise SessionClosedError("This network was closed and cannot be used any more. Load the model again.")
        return found
