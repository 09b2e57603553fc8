"""Models that read text from an image of it."""

from __future__ import annotations

from typing import Generic

from inference_models.models.base import PreprocessedInputs, RawPrediction, StagedModel


class TextOnlyOCRModel(
    StagedModel[PreprocessedInputs, RawPrediction, "list[str]"],
    Generic[PreprocessedInputs, RawPrediction],
):
    """Reads text. `infer` returns a `str` for each image.

    `pre_process` returns the network's inputs only, and `post_process` takes no metadata.
    """
