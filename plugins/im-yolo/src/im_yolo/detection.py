"""YOLO object detection over any session."""

from __future__ import annotations

from im_yolo import families
from im_yolo.boxes import RawBoxes, choose_thresholds, find_boxes
from im_yolo.heads import Floats
from im_yolo.stages import BoxStages
from inference_models import Confidence, Detections, ObjectDetectionModel
from inference_models.developer_tools import PreProcessingMetadata, in_kind


class YOLODetector(BoxStages, ObjectDetectionModel[Floats, list[PreProcessingMetadata], RawBoxes]):
    """A YOLO object detector whose output is anchor-free: YOLOv8, v9, v11, v12.

    Safe to use from several threads at once.
    """

    family = families.ANCHOR_FREE

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
            image; of equal scores the lower anchor first. Numpy arrays where the image was one; tensors on the
            image's device where it was a tensor.

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
            in_kind(self._to_detections(boxes, metadata), metadata)
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
