"""Boxes with masks found in one image."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from inference_models.errors import InvalidParameterError
from inference_models.predictions.arrays import Array, as_booleans
from inference_models.predictions.base import ROWS
from inference_models.predictions.detections import Detections
from inference_models.predictions.rle_masks import InstancesRLEMasks


@frozen(eq=False, repr=False)
class InstanceDetections(Detections):
    """Boxes with masks found in one image, n of them. All that `Detections` can, this can too.

    Attributes:
        mask: (n, H, W) bool at the size of the source image, in the library of the other arrays; or
            `InstancesRLEMasks` of n masks; or None when masks were not asked for.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    mask: Array | InstancesRLEMasks | None = field(default=None, metadata=ROWS)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.mask is None:
            return
        if not isinstance(self.mask, InstancesRLEMasks):
            self._settle("mask", as_booleans, (len(self), None, None), like="xyxy")
        elif len(self.mask) != len(self):
            raise InvalidParameterError(f"There are {len(self)} boxes but {len(self.mask)} masks.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: those of `Detections.to_dict()`, and for each box "mask": {"size": [height, width], "counts": COCO's
        compressed counts as text}, or None.
        """
        return super().to_dict()

    def _mask_of(self, row: int) -> Any:
        """Return the mask of one row as iteration gives it: (H, W) bool, or a COCO RLE mapping, or None."""
        if isinstance(self.mask, InstancesRLEMasks):
            return self.mask[row].to_coco_rle_masks()[0]
        return None if self.mask is None else self.mask[row]

    def _supervision_mask(self) -> Array | None:
        return self.mask.to_dense() if isinstance(self.mask, InstancesRLEMasks) else self.mask

    def _extra_columns(self) -> dict[str, list[Any]]:
        if self.mask is None:
            return {"mask": [None] * len(self)}
        masks = self.mask if isinstance(self.mask, InstancesRLEMasks) else InstancesRLEMasks.from_dense(self.mask)
        height, width = masks.image_size
        return {"mask": [{"size": [height, width], "counts": counts.decode("ascii")} for counts in masks.masks]}

    def _repr_tail(self) -> str:
        if self.mask is None:
            return "; no masks"
        if isinstance(self.mask, InstancesRLEMasks):
            return f"; RLE masks {self.mask.image_size[0]}x{self.mask.image_size[1]}"
        return f"; dense masks {self.mask.shape[1]}x{self.mask.shape[2]}"
