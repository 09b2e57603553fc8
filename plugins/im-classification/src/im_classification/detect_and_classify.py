"""The pipeline that looks with a classifier at each box that a detector finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from im_classification.crops import Picture, crop_boxes, split_images
from inference_models import (
    ClassificationModel,
    ColorFormat,
    Detections,
    InstanceSegmentationModel,
    InvalidParameterError,
    ModelPipeline,
    ObjectDetectionModel,
)
from inference_models.developer_tools import Images, as_kind, as_numpy

_BATCH = 16


@frozen
class _Found:
    """The best class of each crop.

    Attributes:
        class_id: (n,) int64.
        confidence: (n,) float32.
        class_names: of all classes; None when unknown.
    """

    class_id: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32]
    class_names: tuple[str, ...] | None

    def __getitem__(self, rows: slice) -> _Found:
        return _Found(self.class_id[rows], self.confidence[rows], self.class_names)


class DetectAndClassify(ModelPipeline):
    """Finds boxes with one model and says what is in them with another.

    Attributes:
        detector: an `ObjectDetectionModel` or `InstanceSegmentationModel`, of any family.
        classifier: a `ClassificationModel`, of any family.
    """

    def __init__(self, detector: Any, classifier: Any, *, batch_size: int = _BATCH) -> None:
        self.detector = detector
        self.classifier = classifier
        self._batch_size = _checked(batch_size)

    @classmethod
    def with_models(cls, models: Sequence[Any], *, batch_size: int = _BATCH) -> Self:
        """Return a pipeline of loaded models.

        Args:
            models: the detector and the classifier.
            batch_size: how many crops, of one image or of several, the classifier is given at once.

        Raises:
            InvalidParameterError: there are more or fewer than two models, one is of the wrong kind, or the batch size
                is no positive whole number.
        """
        detector, classifier = cls.check_models(
            models, detector=(ObjectDetectionModel, InstanceSegmentationModel), classifier=ClassificationModel
        )
        return cls(detector, classifier, batch_size=batch_size)

    @property
    def class_names(self) -> list[str]:
        """The names of the classifier's classes, indexed by the class id of predictions."""
        return list(self.classifier.class_names)

    def infer(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        batch_size: int | None = None,
        classifier_options: Mapping[str, Any] | None = None,
        **detector_options: Any,
    ) -> list[Detections]:
        """Find boxes and classify what is in them.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W).
            input_color_format: the order of the images' colours, for both models; default "bgr" for numpy and "rgb" for
                torch.
            batch_size: of crops, for this call. Default: the pipeline's.
            classifier_options: keyword arguments of the classifier's `infer`.
            **detector_options: keyword arguments of the detector's `infer`, such as `confidence`.

        Returns:
            What the detector returns for each image, as many boxes in the same order, with masks if it gives any, and:
            `class_id` and `class_names` are the classifier's; `confidence` is the detector's times the classifier's:
            how probable it is that there is something, and that it is of this class. `bboxes_metadata` of each box
            keeps both: "detector_class_id", "detector_class_name", "detector_confidence", "classifier_confidence".

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option is unknown to the model that it is for, or has a wrong value.
            ModelRuntimeError: a network failed, or the detector gave boxes of NaN.
            SessionClosedError: the pipeline or a model is closed.
        """
        self.ensure_open()
        size = self._batch_size if batch_size is None else _checked(batch_size)
        colors = {} if input_color_format is None else {"input_color_format": input_color_format}
        detections: list[Detections] = self.detector(images, **colors, **detector_options)
        crops = [
            crop
            for image, found in zip(split_images(images), detections, strict=True)
            for crop in crop_boxes(image, as_numpy(found.xyxy))
        ]
        classes = self._classify(crops, size, {**colors, **(classifier_options or {})})
        refined, start = [], 0
        for found in detections:
            refined.append(_refine(found, classes[start : start + len(found)]))
            start += len(found)
        return refined

    def _classify(self, crops: Sequence[Picture], size: int, options: Mapping[str, Any]) -> _Found:
        predictions = [
            self.classifier(crops[start : start + size], **options).to_numpy() for start in range(0, len(crops), size)
        ]
        if not predictions:
            names = getattr(self.classifier, "class_names", None)
            return _Found(np.zeros(0, np.int64), np.zeros(0, np.float32), None if names is None else tuple(names))
        class_id = np.concatenate([one.class_id for one in predictions])
        scores = np.concatenate([one.confidence for one in predictions])
        best = np.take_along_axis(scores, class_id[:, None], axis=1)[:, 0]
        return _Found(class_id, best, predictions[0].class_names)


def _refine(found: Detections, classes: _Found) -> Detections:
    """Return boxes with the classes of what is in them."""
    ids, confidence = as_numpy(found.class_id).tolist(), as_numpy(found.confidence)
    known = found.bboxes_metadata or [{}] * len(found)
    metadata = [
        {
            # A name in there would be shown in place of the classifier's.
            **{key: value for key, value in row.items() if key != "class_name"},
            "detector_class_id": ids[place],
            "detector_class_name": name,
            "detector_confidence": float(confidence[place]),
            "classifier_confidence": float(classes.confidence[place]),
        }
        for place, (row, name) in enumerate(zip(known, found.names, strict=True))
    ]
    kind, device = found.array_kind, str(getattr(found.xyxy, "device", "cpu"))
    return evolve(
        found,
        class_id=as_kind(classes.class_id.astype(np.int32), kind, device),
        confidence=as_kind(confidence * classes.confidence, kind, device),
        class_names=classes.class_names,
        bboxes_metadata=metadata,
    )


def _checked(batch_size: object) -> int:
    if isinstance(batch_size, int) and not isinstance(batch_size, bool) and batch_size >= 1:
        return batch_size
    raise InvalidParameterError(f"batch_size must be a whole number of at least 1, got {batch_size!r}.")
