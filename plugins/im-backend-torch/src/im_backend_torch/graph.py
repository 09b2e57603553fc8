"""What the inputs of a TorchScript program are, as far as it says: their names, and neither sizes nor dtypes.

What a convolution's weights say about the tensor that it takes is read off the frozen graph: how many axes it has, how
many channels, and which dtype.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from inference_models import ModelLoadingError
from inference_models.developer_tools import TensorInfo

# Where an operator keeps the number of groups among its inputs. Traced programs have the first, scripted ones the rest.
_GROUPS_AT = {
    "aten::_convolution": 8,
    **{f"aten::{name}{axes}d": 6 for name in ("conv", "conv_transpose") for axes in (1, 2, 3)},
}
_TRANSPOSED_AT = 6  # of the first


@frozen
class ProgramInputs:
    """The inputs of a program.

    Attributes:
        infos: one for each; the shape is empty where nothing is known about it.
        dtypes: the `torch.dtype` to insist on, None where it is not known.
    """

    infos: tuple[TensorInfo, ...]
    dtypes: tuple[Any, ...]


def freeze(torch: Any, module: Any) -> Any:
    """Return the program with its weights as constants, which lets torch simplify it; itself where that fails."""
    try:
        return torch.jit.freeze(module)
    except RuntimeError:  # a program that changes its own attributes, or has several methods, stays as it is
        return module


def describe_inputs(module: Any, weights: Path, *, batch: int | None, dtype: Any) -> ProgramInputs:
    """Return what is known about the inputs of a frozen program.

    Args:
        module: the program.
        weights: its file, for messages.
        batch: the one batch size that runs, when it is fixed.
        dtype: the `torch.dtype` of the weights, stated where the graph does not tell.

    Raises:
        ModelLoadingError: it wants something else than tensors.
    """
    arguments = _tensor_arguments(module, weights)
    values = list(module.graph.inputs())[1:]
    infos, dtypes = [], []
    for position, argument in enumerate(arguments):
        kernel = _first_kernel(values[position]) if position < len(values) else None
        shape: tuple[int | None, ...] = ()
        if kernel is not None:
            channels, tensor = kernel
            shape = (batch, channels, *[None] * (tensor.dim() - 2))
        known = None if kernel is None else kernel[1].dtype
        infos.append(TensorInfo(argument.name, shape, str(known or dtype).removeprefix("torch.")))
        dtypes.append(known)
    return ProgramInputs(tuple(infos), tuple(dtypes))


def weights_dtype(torch: Any, tensors: Iterable[Any]) -> Any:
    """Return the `torch.dtype` of the first weights that are fractions; float32 without any."""
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


def _tensor_arguments(module: Any, weights: Path) -> list[Any]:
    schema = getattr(getattr(module, "forward", None), "schema", None)
    if schema is None:
        raise ModelLoadingError(f"{weights} has no method forward, so it cannot be run. Export the network again.")
    found = []
    for argument in schema.arguments[1:]:
        if argument.type.kind() == "TensorType":
            found.append(argument)
        elif not argument.has_default_value():
            raise ModelLoadingError(
                f"{weights} takes {argument.name!r} of type {argument.type}, and only tensors can be handed over. "
                f"Export the network so that it takes tensors."
            )
    return found


def _first_kernel(value: Any) -> tuple[int, Any] | None:
    """Return (channels of `value`, weights) of the first convolution that takes it; None without one."""
    for use in value.uses():
        node = use.user
        kind = node.kind()
        if kind not in _GROUPS_AT or use.offset != 0:
            continue
        settings = [item.toIValue() for item in node.inputs()]  # None for what is computed while it runs
        tensor, groups = settings[1], settings[_GROUPS_AT[kind]]
        if tensor is None or groups is None:
            continue
        transposed = settings[_TRANSPOSED_AT] if kind == "aten::_convolution" else "transpose" in kind
        return (tensor.shape[0] if transposed else tensor.shape[1] * groups), tensor
    return None
