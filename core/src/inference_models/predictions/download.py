"""From a device to the host: several small tensors in one transfer, because each transfer is waited for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from inference_models.predictions.arrays import Array, is_torch

_MOST_BYTES = 2**20
"""Larger tensors go by themselves: in one block of memory with others, none could be released alone."""


def download(arrays: Sequence[Array]) -> list[Array]:
    """Return tensors as numpy arrays; a numpy array, or a tensor in main memory, is not copied."""
    found: list[Array] = [array.detach() if is_torch(array) else array for array in arrays]
    small = [place for place, array in enumerate(found) if _is_away(array) and _size(array) < _MOST_BYTES]
    if len(small) > 1:
        for place, array in zip(small, _together([found[place] for place in small]), strict=True):
            found[place] = array
    return [array.cpu().numpy() if is_torch(array) else array for array in found]


def _size(tensor: Array) -> int:
    return int(tensor.numel()) * int(tensor.element_size())


def _is_away(array: Array) -> bool:
    return is_torch(array) and array.device.type != "cpu"


def _together(tensors: Sequence[Array]) -> Iterator[Array]:
    """Yield tensors of one device as arrays over one block of memory."""
    torch = sys.modules["torch"]
    # The widest elements first: then all lie where their type may lie.
    order = sorted(range(len(tensors)), key=lambda place: -tensors[place].element_size())
    bytes_ = [tensors[place].contiguous().reshape(-1).view(torch.uint8) for place in order]
    block = torch.cat(bytes_).cpu().numpy()
    starts, start = {}, 0
    for place, part in zip(order, bytes_, strict=True):
        starts[place] = start
        start += part.numel()
    for place, tensor in enumerate(tensors):
        part = block[starts[place] : starts[place] + _size(tensor)]
        yield part.view(str(tensor.dtype).removeprefix("torch.")).reshape(tuple(tensor.shape))
