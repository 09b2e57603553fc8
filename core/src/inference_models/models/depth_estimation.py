"""Models that estimate how far every pixel is."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import (
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    StagedModelWithMetadata,
)
from inference_models.predictions.arrays import Array


class DepthEstimationModel(
    StagedModelWithMetadata[PreprocessedInputs, PreprocessingMetadata, RawPrediction, list[Array]],
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Estimates how far every pixel is. `infer` returns an (H, W) float32 array for each image.

    H and W are those of the source image. Whether the values are metres or relative, and whether they grow with
    distance or with nearness, is up to the model and stated by it.
    """
