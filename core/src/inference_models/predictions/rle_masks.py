"""Masks of several instances as COCO run-length encodings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from attrs import field, frozen

from inference_models.errors import InvalidParameterError
from inference_models.predictions.arrays import Array, Rows, as_booleans, check_shape, resolve_rows, take, to_numpy
from inference_models.predictions.coco_rle import (
    compress_all,
    compress_counts,
    counts_to_mask,
    decompress_counts,
    mask_to_counts,
)


def _to_image_size(size: Sequence[int]) -> tuple[int, int]:
    try:
        height, width = (int(length) for length in size)
    except (TypeError, ValueError):
        raise InvalidParameterError(f"An image size must be (height, width), got {size!r}.") from None
    if height < 1 or width < 1:
        raise InvalidParameterError(f"An image has at least one pixel, got (height, width) = {(height, width)}.")
    return height, width


def _to_compressed(counts: bytes | str | Sequence[int]) -> bytes:
    """Accept every form in which COCO files hold counts."""
    if isinstance(counts, bytes):
        return counts
    if isinstance(counts, str):
        return counts.encode("ascii", "replace")
    import numpy as np

    try:
        return compress_counts(np.asarray(counts, np.int64))
    except (TypeError, ValueError):
        raise InvalidParameterError(
            f"The counts of a COCO mask are bytes, text or a list of integers, got {type(counts).__name__}."
        ) from None


def _to_masks(masks: Iterable[bytes | str | Sequence[int]]) -> tuple[bytes, ...]:
    return tuple(_to_compressed(counts) for counts in masks)


@frozen(repr=False)
class InstancesRLEMasks:
    """Masks of n instances of one image, run-length encoded: a few hundred bytes each.

    Attributes:
        image_size: (height, width) of the image, in pixels.
        masks: n times COCO's compressed counts. Text and lists of run lengths are compressed when given.
    """

    image_size: tuple[int, int] = field(converter=_to_image_size)
    masks: tuple[bytes, ...] = field(converter=_to_masks)

    @classmethod
    def from_coco_rle_masks(cls, image_size: Sequence[int], masks: Iterable[Mapping[str, Any]]) -> Self:
        """Return masks from COCO's {"size": [height, width], "counts": ...} mappings.

        Raises:
            InvalidParameterError: a mask is of another size than `image_size`, or lacks its counts.
        """
        masks = list(masks)
        result = cls(image_size, [_counts_of(mask) for mask in masks])
        for number, mask in enumerate(masks):
            size = tuple(mask.get("size", result.image_size))
            if size != result.image_size:
                raise InvalidParameterError(f"Mask {number} is of size {size}, the image of {result.image_size}.")
        return result

    @classmethod
    def from_dense(cls, masks: Array) -> Self:
        """Encode (n, height, width) bool masks, numpy or torch."""
        as_booleans(masks, "masks")
        check_shape(masks, "masks", (None, None, None))
        dense = to_numpy(masks)
        return cls(dense.shape[1:], compress_all([mask_to_counts(mask) for mask in dense]))

    def to_coco_rle_masks(self) -> list[dict[str, Any]]:
        """Return {"size": [height, width], "counts": bytes} for each mask, as pycocotools takes them."""
        return [{"size": list(self.image_size), "counts": counts} for counts in self.masks]

    def to_dense(self) -> Array:
        """Decode to a numpy array (n, height, width) of bool.

        Raises:
            InvalidParameterError: a mask is damaged, or belongs to an image of another size.
        """
        import numpy as np

        height, width = self.image_size
        dense = np.empty((len(self), height, width), np.bool_)
        for plane, counts in zip(dense, self.masks, strict=True):
            plane[:] = counts_to_mask(decompress_counts(counts), height, width)
        return dense

    def __len__(self) -> int:
        return len(self.masks)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.masks)

    def __getitem__(self, rows: Rows) -> Self:
        """Return the chosen masks: an int, a slice, an integer array or a boolean mask. An int gives one mask."""
        return type(self)(self.image_size, take(self.masks, resolve_rows(rows, len(self), None)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)}, {self.image_size[0]}x{self.image_size[1]})"


def _counts_of(mask: Mapping[str, Any]) -> Any:
    try:
        return mask["counts"]
    except (KeyError, TypeError):
        raise InvalidParameterError(f'A COCO mask is a mapping with "size" and "counts", got {mask!r:.80}.') from None
