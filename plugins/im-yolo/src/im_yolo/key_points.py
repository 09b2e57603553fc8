"""YOLO key-point detection over any session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from im_yolo import families
from im_yolo.boxes import BoxPackage, RawBoxes, choose_thresholds, find_boxes
from im_yolo.heads import DecodedBoxes, Floats
from im_yolo.stages import BoxStages
from inference_models import Confidence, Detections, KeyPoints, KeyPointsDetectionModel
from inference_models.developer_tools import (
    KeyPointsMetadata,
    PreProcessingMetadata,
    as_float32,
    as_like,
    check_fraction,
    in_kind,
    library_of,
    parse_class_names,
    parse_key_points_metadata,
    rescale_points,
)

_VALUES_PER_POINT = 3  # x, y, confidence


class YOLOKeyPointsDetector(BoxStages, KeyPointsDetectionModel[Floats, list[PreProcessingMetadata], RawBoxes]):
    """A YOLO key-point detector whose boxes are anchor-free: YOLOv8 and v11.

    Safe to use from several threads at once.
    """

    family = families.ANCHOR_FREE

    def __init__(self, boxes: BoxPackage, key_points: KeyPointsMetadata) -> None:
        super().__init__(boxes)
        self._key_points = key_points
        self._counts = np.array([len(names) for names in key_points.classes])

    @classmethod
    def _open(cls, directory: Path, open_boxes: Callable[..., BoxPackage]) -> Self:
        class_count = len(parse_class_names(directory / "class_names.txt"))
        key_points = parse_key_points_metadata(directory / "keypoints_metadata.json", class_count)
        boxes = open_boxes(extra_count=_VALUES_PER_POINT * key_points.slots)
        return cls(boxes, key_points.take(boxes.package.classes.kept.tolist()))

    @property
    def key_points_classes(self) -> list[list[str]]:
        """The names of the key points of each class, indexed by class id."""
        return [list(names) for names in self._key_points.classes]

    @property
    def skeletons(self) -> list[list[tuple[int, int]]]:
        """For each class, which of its key points are joined: pairs of indices into its `key_points_classes`."""
        return [list(edges) for edges in self._key_points.skeletons]

    def post_process(
        self,
        model_results: RawBoxes,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        iou_threshold: float | None = None,
        max_detections: int | None = None,
        class_agnostic_nms: bool | None = None,
        key_points_threshold: float | None = None,
    ) -> tuple[list[KeyPoints], list[Detections] | None]:
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
            key_points_threshold: key points with a lower confidence get position 0, 0 and confidence 0, as do those
                that the class does not have. Default 0.0; 0.3 for YOLO26.

        Returns:
            For each image the key points, (n, k, 2) float32 in source pixels, unrounded and clamped to the image, with
            (n, k) confidences; and the boxes of the same instances. Best first.

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
        if key_points_threshold is None:
            lowest = self.family.key_points_threshold
        else:
            lowest = check_fraction("key_points_threshold", key_points_threshold)
        found = find_boxes(self._boxes, model_results, thresholds)
        images = list(zip(found, pre_processing_meta, strict=True))
        return (
            [in_kind(self._to_key_points(boxes, metadata, lowest), metadata) for boxes, metadata in images],
            [in_kind(self._to_detections(boxes, metadata), metadata) for boxes, metadata in images],
        )

    def _to_key_points(self, boxes: DecodedBoxes, metadata: PreProcessingMetadata, lowest: float) -> KeyPoints:
        points = boxes.xyxy[:, :0] if boxes.extras is None else boxes.extras
        counts = as_like(self._counts, boxes.class_ids)[boxes.class_ids]
        xy, confidence = place_key_points(points, counts, metadata, lowest)
        return KeyPoints(
            xy=xy,
            class_id=boxes.class_ids,
            confidence=confidence,
            detection_confidence=boxes.scores,
            class_names=self._package.class_names,
            key_points_classes=self._key_points.classes,
            skeletons=self._key_points.skeletons,
        )


class YOLO26KeyPointsDetector(YOLOKeyPointsDetector):
    """YOLO26, whose network drops overlapping boxes itself."""

    family = families.YOLO26


def place_key_points(
    values: Floats, counts: npt.NDArray[np.integer[Any]], metadata: PreProcessingMetadata, lowest: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Bring key points to the source image and blank those that are not there.

    Args:
        values: (n, 3 * k) x, y and confidence of each point, in pixels of the network's input.
        counts: (n,) how many points the class of each instance has; the rest of the k are padding.
        metadata: how the image was brought to the network's input.
        lowest: points with a lower confidence are blanked, as are those with an undefined or infinite value.

    Returns:
        (n, k, 2) float32 in source pixels, clamped to the image, and (n, k) float32 confidences; 0 where blanked.
    """
    library = library_of(values)
    points = values.reshape(len(values), values.shape[1] // _VALUES_PER_POINT, _VALUES_PER_POINT)
    exists = as_like(np.arange(points.shape[1]), counts) < counts[:, None]
    there = exists & (points[..., 2] >= lowest) & library.isfinite(points).all(axis=2)
    xy = rescale_points(points[..., :2], metadata, clamp=True)
    xy[~there] = 0
    return xy, as_float32(library.where(there, points[..., 2], 0))
