"""What a model of a known task returns for one image, as its base class says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from inference_models.models import (
    ClassificationModel,
    DepthEstimationModel,
    InstanceSegmentationModel,
    KeyPointsDetectionModel,
    MultiLabelClassificationModel,
    ObjectDetectionModel,
    OpenVocabularyObjectDetectionModel,
    SemanticSegmentationModel,
    StructuredOCRModel,
    TextOnlyOCRModel,
)
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)
from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.predictions import ImageSize, check_depth

Kinds: TypeAlias = tuple[type, ...]
"""Of each part of the answer about one image, its type."""

_KINDS: Sequence[tuple[type, Kinds]] = (
    (InstanceSegmentationModel, (InstanceDetections,)),
    (KeyPointsDetectionModel, (KeyPoints, Detections)),
    (ObjectDetectionModel, (Detections,)),
    (OpenVocabularyObjectDetectionModel, (Detections,)),
    (ClassificationModel, (ClassificationPrediction,)),
    (MultiLabelClassificationModel, (MultiLabelClassificationPrediction,)),
    (SemanticSegmentationModel, (SemanticSegmentationResult,)),
    (StructuredOCRModel, (str, Detections)),
    (TextOnlyOCRModel, (str,)),
)


def check_kind(model: Any, answer: Any, size: ImageSize) -> None:
    """Check that what `infer` says about one image is of the type that the model's base class promises.

    Args:
        model: of any task; nothing is promised for a task that the core does not know.
        answer: about one image.
        size: height and width of the image, in pixels.

    Raises:
        Finding: it is something else.
    """
    if isinstance(model, DepthEstimationModel):
        check_depth(answer, size)
        return
    for base, kinds in _KINDS:
        if isinstance(model, base):
            _compare(answer, kinds, base)
            return


def _compare(answer: Any, kinds: Kinds, base: type) -> None:
    parts = answer if isinstance(answer, tuple) else (answer,)
    # Boxes are optional beside key points: a model that predicts none returns None in their place.
    fits = len(parts) == len(kinds) and all(
        isinstance(part, kind) or (part is None and place > 0)
        for place, (part, kind) in enumerate(zip(parts, kinds, strict=True))
    )
    if not fits:
        expected = " and ".join(kind.__name__ for kind in kinds)
        given = " and ".join(type(part).__name__ for part in parts)
        raise Finding(
            f"{base.__name__} promises {expected} for each image, and this one says {given}.",
            f"Return {expected}, or derive the model from the base class of its task (or from Model, for a new task).",
        )
