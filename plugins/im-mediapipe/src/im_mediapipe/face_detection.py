"""Finding faces and six points of each with MediaPipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from im_mediapipe.boxes import boxes_of, by_score, scores_of
from im_mediapipe.frames import Frame
from im_mediapipe.model_file import Outputs
from im_mediapipe.package import open_package
from im_mediapipe.runtime import FACE_DETECTION
from im_mediapipe.stages import DetectorStages, Found
from im_mediapipe.tasks import Options
from inference_models import Confidence, Detections, KeyPoints, KeyPointsDetectionModel
from inference_models.developer_tools import RecommendedParameters, check_fraction, check_max_detections, in_kind

CLASS_NAMES = ("face",)
# In the order of the network's output. Left and right are the person's own.
POINT_NAMES = ("right_eye", "left_eye", "nose_tip", "mouth", "right_ear", "left_ear")

# MediaPipe's own defaults.
_CONFIDENCE, _IOU_THRESHOLD = 0.5, 0.3
_MAX_DETECTIONS = 300
# BlazeFace for short range, the one network that MediaPipe's task reads: a box and six points for each anchor.
_SHAPES = {(1, 896, 16), (1, 896, 1)}


class MediaPipeFaceDetector(DetectorStages, KeyPointsDetectionModel[list[Frame], list[Frame], Found]):
    """Finds faces, with eyes, nose tip, mouth and ears. Safe to use from several threads at once, which take turns."""

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        *,
        device: str | None = None,
        recommended_parameters: RecommendedParameters | None = None,
    ) -> Self:
        """Load the package in a directory.

        Args:
            model_name_or_path: the directory. It holds one `.tflite` or `.task` file; class_names.txt, of one line,
                if the class is not to be called "face".
            device: "cpu" or None.
            recommended_parameters: thresholds behind `confidence="best"`.

        Raises:
            CorruptedModelPackageError: a file is missing, damaged or not a face detector.
            DeviceUnavailableError: another device was asked for.
            MissingDependencyError: MediaPipe cannot be imported or started.
        """
        package = open_package(
            model_name_or_path,
            FACE_DETECTION,
            device=device,
            options=_options(_CONFIDENCE, _IOU_THRESHOLD),
            check_outputs=_check_outputs,
            fixed_class_names=CLASS_NAMES,
        )
        return cls(package, recommended_parameters)

    @property
    def key_points_classes(self) -> list[list[str]]:
        """The names of the six points. Left and right are the person's own."""
        return [list(POINT_NAMES)]

    @property
    def skeletons(self) -> list[list[tuple[int, int]]]:
        """No points are joined."""
        return [[]]

    def forward(
        self,
        pre_processed_images: list[Frame],
        *,
        confidence: Confidence = "default",
        iou_threshold: float = _IOU_THRESHOLD,
    ) -> Found:
        """Run MediaPipe, one image after the other.

        Args:
            pre_processed_images: as `pre_process` returns them.
            confidence: faces with at least this score are kept: a number in [0, 1]; "default", 0.5; or "best", what
                whoever trained the model recommends.
            iou_threshold: boxes that overlap more are one face. MediaPipe averages them, weighted by their scores.

        Returns:
            MediaPipe's `Detection`s for each image.

        Raises:
            InvalidParameterError: an option cannot be used.
            SessionClosedError: the model is closed.
            ModelRuntimeError: MediaPipe failed.
        """
        threshold = float(np.min(self._threshold(confidence, _CONFIDENCE)))
        options = _options(threshold, check_fraction("iou_threshold", iou_threshold))
        return self._detect(pre_processed_images, options)

    def post_process(
        self, model_results: Found, pre_processing_meta: list[Frame], *, max_detections: int = _MAX_DETECTIONS
    ) -> tuple[list[KeyPoints], list[Detections]]:
        """Return the points and the boxes of the faces in each image, best first, the same faces in both.

        MediaPipe rates faces, not points: each point has the score of its face. Points of a face that is cut by the
        edge of the image may lie outside it; boxes do not.

        Args:
            model_results: as `forward` returns them.
            pre_processing_meta: as `pre_process` returns them.
            max_detections: at most so many faces per image.

        Raises:
            InvalidParameterError: `max_detections` cannot be used.
        """
        most = check_max_detections(max_detections)
        pairs = [
            self._faces(by_score(detections, most), frame)
            for detections, frame in zip(model_results, pre_processing_meta, strict=True)
        ]
        return [points for points, _ in pairs], [boxes for _, boxes in pairs]

    def _faces(self, detections: list[Any], frame: Frame) -> tuple[KeyPoints, Detections]:
        class_names, scores = self._package.class_names, scores_of(detections)
        class_ids = np.zeros(len(detections), np.int32)
        normalized = [[(point.x, point.y) for point in detection.keypoints] for detection in detections]
        size = np.array([frame.width, frame.height], np.float64)
        points = KeyPoints(
            xy=(np.array(normalized, np.float64).reshape(-1, len(POINT_NAMES), 2) * size).astype(np.float32),
            class_id=class_ids,
            confidence=np.repeat(scores[:, np.newaxis], len(POINT_NAMES), axis=1),
            detection_confidence=scores,
            class_names=class_names,
            key_points_classes=[POINT_NAMES],
            skeletons=[()],
        )
        boxes = Detections(
            xyxy=boxes_of(detections, frame), class_id=class_ids, confidence=scores, class_names=class_names
        )
        return in_kind(points, frame), in_kind(boxes, frame)


def _options(confidence: float, iou_threshold: float) -> Options:
    return {"min_detection_confidence": confidence, "min_suppression_threshold": iou_threshold}


def _check_outputs(outputs: Outputs) -> int | None:
    if len(outputs) != 2 or set(outputs) != _SHAPES:
        raise ValueError(
            f"its outputs have the shapes {', '.join(map(str, outputs))}; the face detector for short range, which is "
            f"the one that MediaPipe runs, has (1, 896, 16) and (1, 896, 1)"
        )
    return 1
