"""YOLO object detection over any session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from im_yolo import families
from im_yolo.boxes import BoxPackage, RawBoxes, choose_thresholds, find_boxes, open_box_package, run_network
from im_yolo.heads import Floats
from inference_models import (
    ColorFormat,
    Confidence,
    Detections,
    ObjectDetectionModel,
    PreProcessingOverrides,
)
from inference_models.developer_tools import (
    Images,
    PreProcessingMetadata,
    RecommendedParameters,
    SessionOpener,
    rescale_boxes,
)


class YOLODetector(ObjectDetectionModel[Floats, list[PreProcessingMetadata], RawBoxes]):
    """A YOLO object detector whose output is anchor-free: YOLOv8, v9, v11, v12.

    Safe to use from several threads at once.
    """

    family: ClassVar[families.BoxFamily] = families.ANCHOR_FREE

    def __init__(self, boxes: BoxPackage) -> None:
        self._boxes = boxes
        self.owns(boxes.package.session)

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        open_session: SessionOpener,
        recommended_parameters: RecommendedParameters | None = None,
        model_features: Mapping[str, Any] | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds inference_config.json, class_names.txt and the network.
            open_session: opens the network; `AutoModel` hands it over.
            recommended_parameters: thresholds behind `confidence="best"`.
            model_features: what the package's metadata says of the export, "nms_fused" among it.

        Raises:
            CorruptedModelPackageError: a file is missing or malformed, or the network contradicts one.
            ModelLoadingError: the package needs what is not supported; the message names what is.
        """
        return cls(
            open_box_package(
                model_name_or_path,
                open_session,
                cls.family,
                recommended_parameters=recommended_parameters,
                model_features=model_features,
            )
        )

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._boxes.package.class_names)

    def pre_process(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> tuple[Floats, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image (H, W, 3) uint8, a list of them of any sizes, or an array (N, H, W, 3).
            input_color_format: the order of the images' colours; default "bgr", as OpenCV reads them.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, 3, height, width) float32 (float16 if the network takes that), and N metadata.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._boxes.package.pre_processor(
            images, input_color_format=input_color_format, overrides=pre_processing_overrides
        )

    def forward(self, pre_processed_images: Floats) -> RawBoxes:
        """Run the network, in as many batches as it needs.

        Args:
            pre_processed_images: (N, 3, height, width) as `pre_process` returns it.

        Returns:
            The network's outputs.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the outputs do not fit class_names.txt.
        """
        return run_network(self._boxes, pre_processed_images)

    def post_process(
        self,
        model_results: RawBoxes,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
    ) -> list[Detections]:
        """Return what was found in each image.

        Where an argument is left out, the package's nms_parameters apply; where it has none, 0.4 for confidence (0.25
        for YOLO26), 0.3 for iou_threshold, 300 for max_detections, False for class_agnostic_nms.

        Args:
            model_results: what `forward` returned for N images.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: boxes with a score strictly above are kept: a number in [0, 1]; "default"; or "best", what
                whoever trained the model recommends, by class where they do.
            iou_threshold: of two boxes of one class that overlap more, the lower score is dropped. Not for networks
                that drop them themselves.
            max_detections: at most this many per image, best first.
            class_agnostic_nms: drop overlapping boxes of different classes too. Not for networks that drop them
                themselves.

        Returns:
            Detections for each image, best first: xyxy (n, 4) float32 in source pixels, unrounded and clamped to the
            image; of equal scores the lower anchor first.

        Raises:
            InvalidParameterError: a threshold cannot be used.
        """
        thresholds = choose_thresholds(
            self._boxes,
            confidence=confidence,
            iou_threshold=iou_threshold,
            max_detections=max_detections,
            class_agnostic_nms=class_agnostic_nms,
        )
        found = find_boxes(self._boxes, model_results, thresholds)
        return [
            Detections(
                xyxy=rescale_boxes(boxes.xyxy, metadata),
                class_id=boxes.class_ids.astype(np.int32),
                confidence=boxes.scores,
                class_names=self._boxes.package.class_names,
            )
            for boxes, metadata in zip(found, pre_processing_meta, strict=True)
        ]


class YOLOv5Detector(YOLODetector):
    """A YOLO object detector whose output has objectness: YOLOv5 and v7."""

    family = families.OBJECTNESS


class YOLOv10Detector(YOLODetector):
    """YOLOv10, whose network drops overlapping boxes itself."""

    family = families.YOLOV10


class YOLO26Detector(YOLODetector):
    """YOLO26, whose network drops overlapping boxes itself."""

    family = families.YOLO26


class YOLONASDetector(YOLODetector):
    """YOLO-NAS, with boxes and scores in two outputs."""

    family = families.YOLONAS
