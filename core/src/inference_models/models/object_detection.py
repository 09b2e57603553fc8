"""Models that find boxes of known classes."""

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


class ObjectDetectionModel(
    StagedModelWithMetadata[PreprocessedInputs, PreprocessingMetadata, RawPrediction, list[Detections]],
    HasClassNames,
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Finds boxes of known classes. `infer` returns a `Detections` for each image.

    Subclass it as `ObjectDetectionModel[Inputs, Metadata, Raw]`: what `pre_process` returns, twice, and what
    `forward` returns.
    """
