"""RF-DETR instance segmentation."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from im_rfdetr.kinds import in_kind
from im_rfdetr.outputs import RawResults
from im_rfdetr.selection import Selected
from im_rfdetr.stages import RFDETRStages, place_boxes
from inference_models import (
    Confidence,
    InstanceDetections,
    InstanceSegmentationMaskFormat,
    InstanceSegmentationModel,
    InvalidParameterError,
)
from inference_models.developer_tools import Array, PreProcessingMetadata, as_numpy, dense_masks, rle_masks

__all__ = ["RFDETRInstanceSegmenter"]

_MASK_FORMATS = {"dense": dense_masks, "rle": rle_masks}
_MAX_DETECTIONS = 300


class RFDETRInstanceSegmenter(RFDETRStages, InstanceSegmentationModel[Array, list[PreProcessingMetadata], RawResults]):
    """An RF-DETR instance segmenter. Safe to use from several threads at once."""

    needs = "masks"

    @property
    def supported_mask_formats(self) -> Set[InstanceSegmentationMaskFormat]:
        """What `mask_format` may be."""
        return frozenset(("dense", "rle"))

    def post_process(
        self,
        model_results: RawResults,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        max_detections: int | None = None,
        mask_format: InstanceSegmentationMaskFormat = "dense",
    ) -> list[InstanceDetections]:
        """Return the instances found in each image.

        Args:
            model_results: what `forward` returned for N images.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: instances with a score strictly above are kept: a number in [0, 1]; "default", 0.4; or "best",
                what whoever trained the model recommends, by class where they do.
            max_detections: at most this many per image, best first. Default: 300.
            mask_format: "dense" for (n, H, W) bool at the size of the source image; "rle" for `InstancesRLEMasks`,
                which takes a fraction of the time and memory.

        Returns:
            Instances for each image, best first: xyxy (n, 4) float32 in source pixels, unrounded and clamped to the
            image, and masks: where the network's logits, interpolated bilinearly to the pixels of the source image,
            are above 0. A mask may reach beyond its box.

        Raises:
            InvalidParameterError: an option cannot be used, or `model_results` come from a network without masks.
            CorruptedModelPackageError: the network has another number of classes than class_names.txt.
        """
        if not isinstance(mask_format, str) or mask_format not in _MASK_FORMATS:
            raise InvalidParameterError(f'mask_format must be "dense" or "rle", got {mask_format!r}.')
        if model_results.extra is None:
            raise InvalidParameterError("model_results has no masks. Pass what this model's forward() returned.")
        limit = _MAX_DETECTIONS if max_detections is None else max_detections
        ids, found = self._select(model_results, confidence, limit)
        images = zip(as_numpy(model_results.boxes), model_results.extra, found, pre_processing_meta, strict=True)
        return [
            in_kind(
                InstanceDetections(
                    xyxy=place_boxes(boxes, pairs.queries, metadata),
                    class_id=ids[pairs.columns].astype(np.int32),
                    confidence=pairs.scores,
                    class_names=self._package.classes.names,
                    mask=_make_masks(maps, pairs, metadata, mask_format),
                ),
                metadata,
            )
            for boxes, maps, pairs, metadata in images
        ]


def _make_masks(maps: Array, pairs: Selected, metadata: PreProcessingMetadata, mask_format: str) -> Any:
    size = metadata.original_size
    everywhere = np.tile(np.array([0, 0, size.width, size.height], np.float32), (len(pairs.queries), 1))
    # Chosen where the network left them, so that a device sends those of few queries only.
    chosen = as_numpy(maps[pairs.queries])
    return _MASK_FORMATS[mask_format](chosen, None, everywhere, metadata, smoothing=False)
