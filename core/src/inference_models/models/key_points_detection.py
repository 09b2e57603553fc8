"""Models that find instances and their key points."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic

from inference_models.models.base import (
    HasClassNames,
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    StagedModelWithMetadata,
)
from inference_models.predictions import Detections, KeyPoints


class KeyPointsDetectionModel(
    StagedModelWithMetadata[
        PreprocessedInputs,
        PreprocessingMetadata,
        RawPrediction,
        tuple[list[KeyPoints], list[Detections] | None],
    ],
    HasClassNames,
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Finds instances and their key points.

    `infer` returns a `KeyPoints` for each image and, from models that also predict boxes, a `Detections` for each
    image whose rows are those of the key points; otherwise None.
    """

    @property
    @abstractmethod
    def key_points_classes(self) -> Sequence[Sequence[str]]:
        """The names of the key points of each class, indexed by class id."""

    @property
    @abstractmethod
    def skeletons(self) -> Sequence[Sequence[tuple[int, int]]]:
        """For each class, which of its key points are joined: pairs of indices into its `key_points_classes`."""
