"""COCO's run-length encoding of a mask, and its compressed text form. Vectorised; needs numpy only.

The format is that of the COCO API (cocodataset/cocoapi, common/maskApi.c): the mask is read column by column,
runs of 0 and 1 alternate and start with 0 (whose run may be empty). In the compressed form the fourth run and
all later ones are stored as the difference to the run two before; each number is cut into groups of five bits,
lowest first, as two's complement; a group becomes the character 48 + bits, plus 32 when another follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from inference_models.errors import InvalidParameterError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Counts: TypeAlias = npt.NDArray[np.int64]
    Mask: TypeAlias = npt.NDArray[np.bool_]

_BITS = 5
_MORE = 32
_SIGN = 16
_FIRST_CHARACTER = 48
_MAX_GROUPS = 12
"""Twelve groups hold 60 bits: any run of any mask that fits in memory, and no overflow of int64."""


def mask_to_counts(mask: Mask) -> Counts:
    """Return the run lengths of a (height, width) bool mask."""
    import numpy as np

    pixels = mask.T.reshape(-1)
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    start = [0, 0] if pixels.size and pixels[0] else [0]
    return np.diff(np.concatenate([start, changes, [pixels.size]])).astype(np.int64, copy=False)


def counts_to_mask(counts: Counts, height: int, width: int) -> Mask:
    """Return the (height, width) bool mask of run lengths.

    Raises:
        InvalidParameterError: a run is negative, or they do not add up to the mask.
    """
    import numpy as np

    size = height * width
    # Each run is compared first: then the sum cannot overflow.
    if ((counts < 0) | (counts > size)).any() or int(counts.sum()) != size:
        raise InvalidParameterError(
            f"The run lengths of a COCO mask do not add up to {height} x {width} pixels: the mask is damaged, or "
            f"belongs to an image of another size."
        )
    values = np.arange(counts.size) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def compress_counts(counts: Counts) -> bytes:
    """Return run lengths in compressed form."""
    import numpy as np

    numbers = counts.astype(np.int64, copy=True)
    numbers[3:] -= counts[1:-2]
    magnitudes = numbers ^ (numbers >> 63)
    most = int(magnitudes.max(initial=0)).bit_length() // _BITS + 1
    if most * _BITS < 32:
        numbers, magnitudes = numbers.astype(np.int32), magnitudes.astype(np.int32)  # half the work
    # n groups hold the numbers from -2^(5n-1) to 2^(5n-1) - 1. The longer axis last: loops along it are fast.
    shifts = _BITS * np.arange(most, dtype=numbers.dtype)[:, None]
    has_more = (magnitudes >> (shifts + (_BITS - 1))) != 0
    characters = ((numbers >> shifts) & (_MORE - 1)).astype(np.uint8)
    characters += has_more.view(np.uint8) << _BITS
    characters += np.uint8(_FIRST_CHARACTER)
    exists = np.ones((len(numbers), most), np.bool_)
    exists[:, 1:] = has_more[:-1].T
    return bytes(characters.T[exists].tobytes())


def decompress_counts(text: bytes) -> Counts:
    """Return the run lengths that a compressed form holds.

    Raises:
        InvalidParameterError: it has characters that the format lacks, or ends inside a number.
    """
    import numpy as np

    groups = np.frombuffer(text, np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if not groups.size:
        return groups
    is_last = (groups & _MORE) == 0
    ends = np.flatnonzero(is_last) + 1
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    if groups.min() < 0 or groups.max() >= 2 * _MORE or not is_last[-1] or lengths.max() > _MAX_GROUPS:
        raise InvalidParameterError(
            f"{text[:32]!r} is not the compressed form of a COCO mask: it has characters that the format lacks, "
            f"or ends inside a number."
        )
    positions = np.arange(groups.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((groups & (_MORE - 1)) << (_BITS * positions), starts)
    return _add_up(numbers, lengths, (groups[ends - 1] & _SIGN) != 0)


def _add_up(numbers: Counts, lengths: Counts, is_negative: Mask) -> Counts:
    """Restore signs, then undo the differences: runs two apart, from the fourth on."""
    import numpy as np

    numbers[is_negative] -= np.int64(1) << (_BITS * lengths[is_negative])
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
