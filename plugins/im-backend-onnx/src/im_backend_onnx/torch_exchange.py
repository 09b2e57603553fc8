"""Torch tensors in, torch tensors out, in place: ONNX Runtime reads and writes their memory (I/O binding).

ONNX Runtime works on a CUDA stream of its own. A run therefore begins when torch's current stream has done what was
asked of it, which includes whatever still uses memory that torch hands out again, and `run` returns when the network
has finished. Each run has a binding of its own, so threads do not meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from inference_models.developer_tools import ArrayKind, TensorInfo

Tensor: TypeAlias = Any
RawShape: TypeAlias = Sequence[int | str | None]

_BFLOAT16 = 16  # in ONNX's own numbering, for want of a numpy type
_FATAL = 4


@frozen
class _Slot:
    """An input or output.

    Attributes:
        name: as the network names it.
        dtype: torch's.
        element: the same type as ONNX Runtime's bindings take it.
        shape: as the network declares it: sizes, names of sizes, None.
    """

    name: str
    dtype: Any
    element: Any
    shape: RawShape


class TorchExchange:
    """See `im_backend_onnx.exchange.Exchange`."""

    kind: ArrayKind = "torch"

    def __init__(
        self,
        torch: Any,
        session: Any,
        inputs: Sequence[TensorInfo],
        outputs: Sequence[TensorInfo],
        device: str,
    ) -> None:
        import onnxruntime

        self.note = f"torch tensors on {device}, used in place"
        self._torch = torch
        self._device = torch.device(device)
        self._place = (self._device.type, self._device.index or 0)
        self._inputs = [_slot(torch, *pair) for pair in zip(inputs, session.get_inputs(), strict=True)]
        self._outputs = [_slot(torch, *pair) for pair in zip(outputs, session.get_outputs(), strict=True)]
        self._trusts_shapes = True
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = _FATAL  # what goes wrong is raised, and stderr belongs to the program

    def run(self, session: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """See `Exchange.run`."""
        tensors = [self._checked(slot, feeds[slot.name]) for slot in self._inputs]
        if len(tensors) != len(feeds):
            raise TypeError("there are inputs that the network does not have")
        with self._on_device():
            shapes = self._output_shapes(tensors) if self._trusts_shapes else {}
            try:
                return self._run(session, tensors, shapes)
            except Exception:
                if not shapes:
                    raise
                # Exporters declare shapes that are not true, and ONNX Runtime does not write into a tensor of another
                # shape. Anything else goes wrong once more.
                results = self._run(session, tensors, {})
            self._trusts_shapes = False
            return results

    def free_memory(self) -> int | None:
        """See `Exchange.free_memory`."""
        if self._device.type != "cuda":
            return None
        return int(self._torch.cuda.mem_get_info(self._device)[0])

    def _checked(self, slot: _Slot, tensor: Any) -> Tensor:
        if not isinstance(tensor, self._torch.Tensor):
            raise TypeError(f"this session takes torch tensors, not {type(tensor).__module__}.{type(tensor).__name__}")
        if tensor.device != self._device:
            raise TypeError(f"input {slot.name!r} is on {tensor.device}; move it with .to({str(self._device)!r})")
        if tensor.dtype != slot.dtype:
            raise TypeError(f"input {slot.name!r} has another dtype; convert it with .to({slot.dtype})")
        return tensor.detach().contiguous()

    def _output_shapes(self, tensors: Sequence[Tensor]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the outputs whose sizes are fixed, or named as sizes of the inputs are."""
        sizes: dict[str, int | None] = {}
        for slot, tensor in zip(self._inputs, tensors, strict=True):
            for name, size in zip(slot.shape, tensor.shape, strict=False):
                if isinstance(name, str):  # one name for two sizes says nothing
                    sizes[name] = size if sizes.get(name, size) == size else None
        known = {
            slot.name: [size if isinstance(size, int) else sizes.get(size or "") for size in slot.shape]
            for slot in self._outputs
        }
        return {name: tuple(map(int, shape)) for name, shape in known.items() if None not in shape}  # type: ignore[arg-type]

    def _run(self, session: Any, tensors: Sequence[Tensor], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """Run with the outputs of `shapes` written in place; the memory of the others comes from ONNX Runtime."""
        binding = session.io_binding()
        used = []  # what is bound must outlive the run
        for slot, tensor in zip(self._inputs, tensors, strict=True):
            memory = self._memory_of(tensor)
            used.append(memory)
            binding.bind_input(slot.name, *self._place, slot.element, tuple(tensor.shape), memory.data_ptr())
        results: dict[str, Tensor] = {}
        for slot in self._outputs:
            if slot.name not in shapes:
                binding.bind_output(slot.name, *self._place)
                continue
            shape = shapes[slot.name]
            results[slot.name] = result = self._torch.empty(shape, dtype=slot.dtype, device=self._device)
            memory = self._memory_of(result)
            used.append(memory)
            binding.bind_output(slot.name, *self._place, slot.element, shape, memory.data_ptr())
        self._wait_for_torch()
        session.run_with_iobinding(binding, self._options)
        if len(results) < len(self._outputs):
            self._copy_out(binding, results)
        return {slot.name: results[slot.name] for slot in self._outputs}

    def _copy_out(self, binding: Any, results: dict[str, Tensor]) -> None:
        """Copy the outputs that lie in ONNX Runtime's own memory, which it reuses as soon as it is released."""
        for slot, value in zip(self._outputs, binding.get_outputs(), strict=True):
            if slot.name not in results:
                results[slot.name] = self._to_tensor(value, slot)
        self._wait_for_torch()

    def _to_tensor(self, value: Any, slot: _Slot) -> Tensor:
        native = getattr(value, "_ortvalue", value)
        if 0 in value.shape() or not hasattr(native, "to_dlpack"):  # built without: by way of main memory
            return self._torch.from_numpy(value.numpy()).to(device=self._device, dtype=slot.dtype)
        tensor = self._torch.utils.dlpack.from_dlpack(native.to_dlpack())
        # DLPack of ONNX Runtime has no bool: it says uint8.
        return (tensor.view(slot.dtype) if tensor.dtype != slot.dtype else tensor).clone()

    def _memory_of(self, tensor: Tensor) -> Tensor:
        """Return a tensor with an address, which an empty one has not."""
        if tensor.numel():
            return tensor
        return self._torch.empty(1, dtype=tensor.dtype, device=self._device)

    def _wait_for_torch(self) -> None:
        if self._device.type == "cuda":
            self._torch.cuda.current_stream(self._device).synchronize()

    def _on_device(self) -> AbstractContextManager[Any]:
        # ONNX Runtime makes its device the thread's current one and leaves it so; this puts it back.
        return self._torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()


def _slot(torch: Any, info: TensorInfo, argument: Any) -> _Slot:
    import numpy as np

    element = _BFLOAT16 if info.dtype == "bfloat16" else np.dtype(info.dtype).type
    return _Slot(info.name, getattr(torch, info.dtype), element, argument.shape)
