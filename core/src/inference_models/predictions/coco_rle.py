"""COCO's run-length encoding of a mask, and its compressed text form. Vectorised; needs numpy only.

The format is that of the COCO API (cocodataset/cocoapi, common/maskApi.c): the mask is read column by column,
runs of 0 and 1 alternate and start with 0 (whose run may be empty). In the compressed form the fourth run and
all later ones are stored as the difference to the run two before; each number is cut into groups of five bits,
lowest first, as two's complement; a group becomes the character 48 + bits, plus 32 when another follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from inference_models.errors import InvalidParameterError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Counts: TypeAlias = npt.NDArray[np.int64]
    Mask: TypeAlias = npt.NDArray[np.bool_]
    Signed: TypeAlias = npt.NDArray[np.signedinteger[Any]]

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
    return compress_all([counts])[0]


def compress_all(masks: Sequence[Counts]) -> list[bytes]:
    """Return the run lengths of each of several masks in compressed form, for little more work than of one."""
    import numpy as np

    if not masks:
        return []
    lengths = np.array([len(counts) for counts in masks])
    numbers = _differences(np.concatenate(masks).astype(np.int64, copy=False), lengths)
    magnitudes = numbers ^ (numbers >> 63)
    most = int(magnitudes.max(initial=0)).bit_length() // _BITS + 1
    if most * _BITS < 32:
        numbers, magnitudes = numbers.astype(np.int32), magnitudes.astype(np.int32)  # half the work
    # n groups hold the numbers from -2^(5n-1) to 2^(5n-1) - 1.
    ends = np.ones(len(numbers), np.intp)
    for group in range(1, most):
        ends += magnitudes >= _SIGN << (_BITS * (group - 1))
    np.cumsum(ends, out=ends)
    bounds = np.concatenate([[0], ends])
    text = _write_groups(numbers, magnitudes, bounds[:-1], int(bounds[-1]))
    masks_end = bounds[np.concatenate([[0], lengths.cumsum()])].tolist()
    return [text[start:stop] for start, stop in pairwise(masks_end)]


def _write_groups(numbers: Signed, magnitudes: Signed, places: Counts, length: int) -> bytes:
    """Return the characters of numbers, each from its place on; `magnitudes` are those of what their bits stand for."""
    import numpy as np

    text = np.empty(length, np.uint8)
    while len(numbers):
        has_more = magnitudes >= _SIGN
        characters = (numbers & (_MORE - 1)).astype(np.uint8)
        characters += has_more.view(np.uint8) << _BITS
        characters += np.uint8(_FIRST_CHARACTER)
        text[places] = characters
        rest = np.flatnonzero(has_more)
        numbers, magnitudes = numbers.take(rest) >> _BITS, magnitudes.take(rest) >> _BITS
        places = places.take(rest) + 1
    return text.tobytes()


def _differences(counts: Counts, lengths: npt.NDArray[np.integer[Any]]) -> Counts:
    """Return the runs of several masks, from the fourth of each mask on as the difference to the run two before."""
    import numpy as np

    numbers = counts.copy()
    numbers[2:] -= counts[:-2]
    starts = np.repeat(lengths.cumsum() - lengths, np.minimum(lengths, 3))
    firsts = starts + np.concatenate([np.arange(min(length, 3)) for length in lengths.tolist()])
    numbers[firsts] = counts[firsts]
    return numbers


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
