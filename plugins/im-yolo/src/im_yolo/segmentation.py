"""YOLO instance segmentation over any session."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, ClassVar

from attrs import frozen

from im_yolo import families
from im_yolo.boxes import RawBoxes, choose_thresholds, find_boxes
from im_yolo.heads import DecodedBoxes, Floats
from im_yolo.kinds import in_kind
from im_yolo.outputs import PROTOTYPES
from im_yolo.stages import BoxStages
from inference_models import (
    Confidence,
    InstanceDetections,
    InstanceSegmentationMaskFormat,
    InstanceSegmentationModel,
    InvalidParameterError,
)
from inference_models.developer_tools import (
    PreProcessingMetadata,
    check_flag,
    check_fraction,
    dense_masks,
    rescale_boxes,
    rle_masks,
)

_MASK_FORMATS = {"dense": dense_masks, "rle": rle_masks}


@frozen
class _MaskOptions:
    """How masks are made, checked."""

    mask_format: str
    smoothing: bool
    threshold: float


class YOLOInstanceSegmenter(BoxStages, InstanceSegmentationModel[Floats, list[PreProcessingMetadata], RawBoxes]):
    """A YOLO instance segmenter whose boxes are anchor-free: YOLOv8 and v11.

    Safe to use from several threads at once.

    Attributes:
        smoothing: whether masks are smoothed where the caller does not say.
    """

    family = families.ANCHOR_FREE
    extra_count = PROTOTYPES
    smoothing: ClassVar[bool] = True

    @property
    def supported_mask_formats(self) -> Set[InstanceSegmentationMaskFormat]:
        """What `mask_format` may be."""
        return frozenset(("dense", "rle"))

    def post_process(
        self,
        model_results: RawBoxes,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
        mask_format: InstanceSegmentationMaskFormat = "dense",
        masks_smoothing_enabled: bool | None = None,
        masks_binarization_threshold: float = 0.5,
    ) -> list[InstanceDetections]:
        """Return the instances found in each image.

        Where an argument is left out, the package's nms_parameters apply; where it has none, 0.4 for confidence (0.25
        for YOLO26), 0.3 for iou_threshold, 300 for max_detections, False for class_agnostic_nms.

        Args:
            model_results: what `forward` returned for N images.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: instances with a score strictly above are kept: a number in [0, 1]; "default"; or "best", what
                whoever trained the model recommends, by class where they do.
            iou_threshold: of two boxes of one class that overlap more, the lower score is dropped. Not for networks
                that drop them themselves.
            max_detections: at most this many instances per image, best first.
            class_agnostic_nms: drop overlapping boxes of different classes too. Not for networks that drop them
                themselves.
            mask_format: "dense" for (n, H, W) bool at the size of the source image; "rle" for `InstancesRLEMasks`,
                which takes a fraction of the time and memory.
            masks_smoothing_enabled: whether probabilities or the network's logits are interpolated to source pixels.
                Default True; False for YOLOv5, v7 and YOLO26.
            masks_binarization_threshold: the probability that a pixel of a mask exceeds.

        Returns:
            Instances for each image, best first: xyxy (n, 4) float32 in source pixels, unrounded and clamped to the
            image, and masks. A mask has no pixel whose centre is outside its box.

        Raises:
            InvalidParameterError: an option cannot be used, or `model_results` come from a network without masks.
        """
        thresholds = choose_thresholds(
            self._boxes,
            confidence=confidence,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
            class_agnostic_nms=class_agnostic_nms,
        )
        options = self._check_options(mask_format, masks_smoothing_enabled, masks_binarization_threshold)
        all_prototypes = model_results.prototypes
        if all_prototypes is None:
            raise InvalidParameterError("model_results has no prototypes. Pass what this model's forward() returned.")
        found = find_boxes(self._boxes, model_results, thresholds)
        return [
            in_kind(self._to_instances(boxes, prototypes, metadata, options), metadata)
            for boxes, prototypes, metadata in zip(found, all_prototypes, pre_processing_meta, strict=True)
        ]

    def _check_options(self, mask_format: Any, smoothing: Any, threshold: Any) -> _MaskOptions:
        if not isinstance(mask_format, str) or mask_format not in _MASK_FORMATS:
            raise InvalidParameterError(f'mask_format must be "dense" or "rle", got {mask_format!r}.')
        return _MaskOptions(
            mask_format,
            self.smoothing if smoothing is None else check_flag("masks_smoothing_enabled", smoothing),
            check_fraction("masks_binarization_threshold", threshold),
        )

    def _to_instances(
        self, boxes: DecodedBoxes, prototypes: Floats, metadata: PreProcessingMetadata, options: _MaskOptions
    ) -> InstanceDetections:
        xyxy = rescale_boxes(boxes.xyxy, metadata)
        coefficients = xyxy[:, :0] if boxes.extras is None else boxes.extras
        make_masks = _MASK_FORMATS[options.mask_format]
        return InstanceDetections(
            xyxy=xyxy,
            class_id=boxes.class_ids,
            confidence=boxes.scores,
            class_names=self._boxes.package.class_names,
            mask=make_masks(
                prototypes, coefficients, xyxy, metadata, smoothing=options.smoothing, threshold=options.threshold
            ),
        )


class YOLOv5InstanceSegmenter(YOLOInstanceSegmenter):
    """A YOLO instance segmenter whose boxes have objectness: YOLOv5 and v7."""

    family = families.OBJECTNESS
    smoothing = False


class YOLO26InstanceSegmenter(YOLOInstanceSegmenter):
    """YOLO26, whose network drops overlapping boxes itself."""

    family = families.YOLO26
    smoothing = False
