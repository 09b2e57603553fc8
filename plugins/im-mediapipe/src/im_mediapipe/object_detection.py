"""Finding objects with MediaPipe."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import numpy as np

from im_mediapipe.boxes import boxes_of, by_score, scores_of
from im_mediapipe.categories import check_categories
from im_mediapipe.frames import Frame
from im_mediapipe.model_file import Outputs
from im_mediapipe.package import MediaPipePackage, open_package
from im_mediapipe.runtime import OBJECT_DETECTION
from im_mediapipe.stages import DetectorStages, Found
from im_mediapipe.tasks import Options
from inference_models import (
    Confidence,
    Detections,
    InvalidParameterError,
    ModelRuntimeError,
    ObjectDetectionModel,
)
from inference_models.developer_tools import RecommendedParameters, check_max_detections, in_kind

_CONFIDENCE = 0.4
_MAX_DETECTIONS = 300


class MediaPipeObjectDetector(DetectorStages, ObjectDetectionModel[list[Frame], list[Frame], Found]):
    """Finds boxes of known classes. Safe to use from several threads at once, which take turns."""

    def __init__(self, package: MediaPipePackage, recommended_parameters: RecommendedParameters | None) -> None:
        super().__init__(package, recommended_parameters)
        self._ids: dict[str, int] = {}
        for class_id, name in enumerate(package.class_names):  # of labels that occur twice, the first counts
            self._ids.setdefault(name, class_id)

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
            model_name_or_path: the directory. It holds one `.tflite` or `.task` file with metadata, and class_names.txt
                unless the file carries labels.
            device: "cpu" or None.
            recommended_parameters: thresholds behind `confidence="best"`.

        Raises:
            CorruptedModelPackageError: a file is missing, damaged, not an object detector or contradicts another.
            DeviceUnavailableError: another device was asked for.
            MissingDependencyError: MediaPipe cannot be imported or started.
        """
        package = open_package(
            model_name_or_path,
            OBJECT_DETECTION,
            device=device,
            options=_options(_CONFIDENCE, (), ()),
            check_outputs=_check_outputs,
        )
        return cls(package, recommended_parameters)

    def forward(
        self,
        pre_processed_images: list[Frame],
        *,
        confidence: Confidence = "default",
        category_allowlist: Collection[str] | None = None,
        category_denylist: Collection[str] | None = None,
    ) -> Found:
        """Run MediaPipe, one image after the other.

        Args:
            pre_processed_images: as `pre_process` returns them.
            confidence: boxes with at least this score are kept: a number in [0, 1]; "default", 0.4; or "best", what
                whoever trained the model recommends, by class where they do.
            category_allowlist: names of the classes to look for; None: all.
            category_denylist: names of classes to leave out. One of the two lists can be given.

        Returns:
            MediaPipe's `Detection`s for each image.

        Raises:
            InvalidParameterError: an option cannot be used.
            SessionClosedError: the model is closed.
            ModelRuntimeError: MediaPipe failed.
        """
        allowed, denied = check_categories(self._package.class_names, category_allowlist, category_denylist)
        if (allowed or denied) and not self._package.has_labels:
            raise InvalidParameterError(
                "category_allowlist and category_denylist need labels in the model file, and this one has none. Choose "
                "among the detections by their class_id."
            )
        options = _options(float(np.min(self._threshold(confidence, _CONFIDENCE))), allowed, denied)
        return self._detect(pre_processed_images, options)

    def post_process(
        self,
        model_results: Found,
        pre_processing_meta: list[Frame],
        *,
        confidence: Confidence = "default",
        max_detections: int = _MAX_DETECTIONS,
    ) -> list[Detections]:
        """Return the boxes found in each image, best first.

        Args:
            model_results: as `forward` returns them.
            pre_processing_meta: as `pre_process` returns them.
            confidence: as for `forward`.
            max_detections: at most so many per image.

        Raises:
            InvalidParameterError: an option cannot be used.
            ModelRuntimeError: MediaPipe found a class that has no name.
        """
        most, thresholds = check_max_detections(max_detections), self._threshold(confidence, _CONFIDENCE)
        images = zip(model_results, pre_processing_meta, strict=True)
        return [self._boxes(detections, frame, thresholds, most) for detections, frame in images]

    def _boxes(self, detections: list[Any], frame: Frame, thresholds: Any, most: int) -> Detections:
        found = by_score(detections, len(detections))
        if isinstance(thresholds, np.ndarray):
            found = [one for one in found if one.categories[0].score >= thresholds[self._class_id(one)]]
        found = found[:most]
        boxes = Detections(
            xyxy=boxes_of(found, frame),
            class_id=np.array([self._class_id(detection) for detection in found], np.int32),
            confidence=scores_of(found),
            class_names=self._package.class_names,
        )
        return in_kind(boxes, frame)

    def _class_id(self, detection: Any) -> int:
        """Return the id of a detection's class. MediaPipe gives names where the file has labels, and else ids."""
        category = detection.categories[0]
        class_id = self._ids.get(category.category_name) if category.category_name else category.index
        if class_id is None or not 0 <= class_id < len(self._package.class_names):
            raise ModelRuntimeError(
                f"MediaPipe found the class {category.category_name or category.index!r}, and the "
                f"{len(self._package.class_names)} class names of this model have none for it. Correct class_names.txt."
            )
        return int(class_id)


def _options(confidence: float, allowed: tuple[str, ...], denied: tuple[str, ...]) -> Options:
    options: dict[str, Any] = {"score_threshold": confidence}
    if allowed:
        options["category_allowlist"] = allowed
    if denied:
        options["category_denylist"] = denied
    return options


def _check_outputs(outputs: Outputs) -> int | None:
    """MediaPipe itself refuses what is not a detector; how many classes there are, the outputs do not say."""
    return None
