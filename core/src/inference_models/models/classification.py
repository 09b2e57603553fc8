"""Models that give each image one class."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import HasClassNames, PreprocessedInputs, RawPrediction, StagedModel
from inference_models.predictions import ClassificationPrediction


class ClassificationModel(
    StagedModel[PreprocessedInputs, RawPrediction, ClassificationPrediction],
    HasClassNames,
    Generic[PreprocessedInputs, RawPrediction],
):
    """Gives each image one class. `infer` returns one `ClassificationPrediction` for the whole batch.

    `pre_process` returns the network's inputs only, and `post_process` takes no metadata.
    """
