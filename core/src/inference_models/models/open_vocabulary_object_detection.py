"""Models that find boxes of classes named at each call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from inference_models.errors import InvalidParameterError
from inference_models.models.base import (
    Images,
    Model,
    PreprocessedInputs,
    PreprocessingMetadata,
    RawPrediction,
    Stages,
)
from inference_models.models.keywords import keywords_of

if TYPE_CHECKING:
    from inference_models.predictions import Detections


class OpenVocabularyObjectDetectionModel(Model, Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction]):
    """Finds boxes of classes named at each call. `infer` returns a `Detections` for each image.

    Every keyword argument of `infer` goes to those stages whose signature names it; a stage with `**kwargs` gets
    all of them.
    """

    _STAGES: ClassVar[Mapping[str, int]] = {"pre_process": 1, "forward": 2, "post_process": 2}
    """The stages, and how many of their leading parameters `infer` fills."""

    def infer(self, images: Images, classes: str | Sequence[str], **kwargs: Any) -> list[Detections]:
        """Look for classes in one image or several.

        Args:
            images: one image or a list of images.
            classes: what to look for, at least one; class ids of the result index them.
            **kwargs: options of the stages.

        Raises:
            InvalidParameterError: no class is named, or no stage accepts one of the keyword arguments.
            ModelInputError: an image cannot be used.
            SessionClosedError: the model is closed.
        """
        pre_process, forward, post_process = self.stages(classes, **kwargs)
        return post_process(forward(pre_process(images)))

    def stages(self, classes: str | Sequence[str], **kwargs: Any) -> Stages[list[Detections]]:
        """Return what `infer` does as three functions; see `StagedModel.stages`.

        Args:
            classes: what to look for, at least one.
            **kwargs: options of the stages.

        Raises:
            InvalidParameterError: no class is named, or no stage accepts one of the keyword arguments.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        names = [classes] if isinstance(classes, str) else list(classes)
        if not names or not all(names):
            raise InvalidParameterError(
                f"`classes` must name what to look for: a text or a sequence of texts, none empty; got {classes!r}."
            )
        pre, run, post = keywords_of(self, self._STAGES, kwargs)
        return (
            lambda images: self.pre_process(images, **pre),
            lambda inputs: (self.forward(inputs[0], names, **run), inputs[1]),
            lambda raw: self.post_process(raw[0], raw[1], **post),
        )

    def __call__(self, images: Images, classes: str | Sequence[str], **kwargs: Any) -> list[Detections]:
        """Look for classes; the same as `infer`."""
        return self.infer(images, classes, **kwargs)

    @abstractmethod
    def pre_process(
        self, images: Images, *args: Any, **kwargs: Any
    ) -> tuple[PreprocessedInputs, PreprocessingMetadata]:
        """Turn images into what the network takes; also return what `post_process` needs to know about it."""

    @abstractmethod
    def forward(
        self, pre_processed_images: PreprocessedInputs, classes: list[str], *args: Any, **kwargs: Any
    ) -> RawPrediction:
        """Run the network for `classes`."""

    @abstractmethod
    def post_process(
        self, model_results: RawPrediction, pre_processing_meta: PreprocessingMetadata, *args: Any, **kwargs: Any
    ) -> list[Detections]:
        """Turn what the network gave into predictions in pixels of the source images."""
