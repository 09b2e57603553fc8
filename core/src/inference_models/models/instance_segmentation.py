"""Models that find boxes with masks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Set
from typing import Any, Generic

from inference_models.entities import InstanceSegmentationMaskFormat
from inference_models.errors import InvalidParameterError
from inference_models.models.base import (
    HasClassNames,
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    StagedModelWithMetadata,
    Stages,
)
from inference_models.predictions import InstanceDetections


class InstanceSegmentationModel(
    StagedModelWithMetadata[PreprocessedInputs, PreprocessingMetadata, RawPrediction, list[InstanceDetections]],
    HasClassNames,
    Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction],
):
    """Finds boxes with masks. `infer` returns an `InstanceDetections` for each image.

    `mask_format`, as far as a stage takes it, is one of `supported_mask_formats`.
    """

    @property
    @abstractmethod
    def supported_mask_formats(self) -> Set[InstanceSegmentationMaskFormat]:
        """What `mask_format` of `infer` may be, as far as a stage takes it: "dense", "rle" or both."""

    def stages(self, **kwargs: Any) -> Stages[list[InstanceDetections]]:
        """Return what `infer` does as three functions; see `StagedModel.stages`.

        Args:
            **kwargs: options of the stages; `mask_format` is one of `supported_mask_formats`.

        Raises:
            InvalidParameterError: no stage accepts one of the keyword arguments, or the mask format is not supported.
            SessionClosedError: the model is closed.
        """
        mask_format = kwargs.get("mask_format")
        known = isinstance(mask_format, str) and mask_format in self.supported_mask_formats
        if mask_format is not None and not known:
            supported = ", ".join(sorted(self.supported_mask_formats))
            raise InvalidParameterError(
                f"{type(self).__name__} cannot give masks as {mask_format!r}. Supported: {supported}."
            )
        return super().stages(**kwargs)
