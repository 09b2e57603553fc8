"""Models that give each image any number of labels."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import HasClassNames, PreprocessedInputs, RawPrediction, StagedModel
from inference_models.predictions import MultiLabelClassificationPrediction


class MultiLabelClassificationModel(
    StagedModel[PreprocessedInputs, RawPrediction, list[MultiLabelClassificationPrediction]],
    HasClassNames,
    Generic[PreprocessedInputs, RawPrediction],
):
    """Gives each image any number of labels. `infer` returns a `MultiLabelClassificationPrediction` per image.

    `pre_process` returns the network's inputs only, and `post_process` takes no metadata.
    """
