"""Models that give every pixel a class."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import (
    HasClassNames,
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    StagedModelWithMetadata,
)
from inference_models.predictions import SemanticSegmentationResult


class SemanticSegmentationModel(
    StagedModelWithMetadata[PreprocessedInputs, PreprocessingMetadata, RawPrediction, list[SemanticSegmentationResult]],
    HasClassNames,
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Gives every pixel a class. `infer` returns a `SemanticSegmentationResult` for each image."""
