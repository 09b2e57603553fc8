"""Models that read text and say where it stands."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import (
    HasClassNames,
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    StagedModelWithMetadata,
)
from inference_models.predictions import Detections


class StructuredOCRModel(
    StagedModelWithMetadata[
        PreprocessedInputs, PreprocessingMetadata, RawPrediction, tuple[list[str], list[Detections]]
    ],
    HasClassNames,
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Reads text and says where it stands. `infer` returns the text and a `Detections` for each image."""
