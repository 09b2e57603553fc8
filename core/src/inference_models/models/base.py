"""What all models share: loading, the three stages in turn, and closing. One file per task builds on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from inference_models.models.keywords import keywords_of
from inference_models.models.loaded_from import LoadedFrom
from inference_models.models.owning import Owner

PreprocessedInputs = TypeVar("PreprocessedInputs")
PreprocessingMetadata = TypeVar("PreprocessingMetadata")
RawPrediction = TypeVar("RawPrediction")
Result = TypeVar("Result")

Images: TypeAlias = Any
"""One image or a list of images. numpy: (H, W, 3) uint8, BGR unless told otherwise. torch: (3, H, W) or
(N, 3, H, W), RGB unless told otherwise."""


Stages: TypeAlias = tuple[Callable[[Images], Any], Callable[[Any], Any], Callable[[Any], Result]]
"""Pre-processing, the network and post-processing. Each takes what the one before it returned, and nothing else."""


class Model(Owner, ABC):
    """The base of all models.

    Subclasses need not call `super().__init__()`. A model that opens a session, or anything else that must be
    released, hands it to `owns`; `close()` releases all of it.
    """

    @classmethod
    @abstractmethod
    def from_pretrained(cls, model_name_or_path: str, *args: Any, **kwargs: Any) -> Self:
        """Load the model from a directory that holds its package.

        Args:
            model_name_or_path: the directory.
            *args: none; together with `**kwargs` it lets subclasses name their own options.
            **kwargs: what `AutoModel` and the user pass, as far as the subclass names it.

        Raises:
            CorruptedModelPackageError: the package's files are missing, damaged or contradict each other.
        """

    @property
    def loaded_from(self) -> LoadedFrom | None:
        """Which package this is and what it runs on; None for a model that `AutoModel` did not load."""
        return vars(self).get("_loaded_from")


class HasClassNames(ABC):
    """A model whose classes are fixed in training."""

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """The names of all classes, indexed by class id."""


class StagedModel(Model, Generic[PreprocessedInputs, RawPrediction, Result]):
    """`infer` is `pre_process`, `forward` and `post_process` in turn.

    Every keyword argument of `infer` goes to those stages whose signature names it; a stage with `**kwargs` gets
    all of them.
    """

    _STAGES: ClassVar[Mapping[str, int]] = {"pre_process": 1, "forward": 1, "post_process": 1}
    """The stages, and how many of their leading parameters `infer` fills."""

    def infer(self, images: Images, **kwargs: Any) -> Result:
        """Run the model on one image or several.

        Args:
            images: one image or a list of images.
            **kwargs: options of the stages.

        Raises:
            InvalidParameterError: no stage accepts one of the keyword arguments.
            ModelInputError: an image cannot be used.
            SessionClosedError: the model is closed.
        """
        pre_process, forward, post_process = self.stages(**kwargs)
        return post_process(forward(pre_process(images)))

    def stages(self, **kwargs: Any) -> Stages[Result]:
        """Return what `infer` does as three functions. `infer` calls them in turn, `predict_stream` overlaps them.

        A model that checks or changes options for `infer` overrides this, so that the stream does the same.

        Args:
            **kwargs: options of the stages.

        Raises:
            InvalidParameterError: no stage accepts one of the keyword arguments.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        pre, run, post = keywords_of(self, self._STAGES, kwargs)
        return (
            lambda images: self.pre_process(images, **pre),
            lambda inputs: self.forward(inputs, **run),
            lambda raw: self.post_process(raw, **post),
        )

    def __call__(self, images: Images, **kwargs: Any) -> Result:
        """Run the model; the same as `infer`."""
        return self.infer(images, **kwargs)

    # `*args: Any, **kwargs: Any` together tell type checkers that a subclass may name its own options instead.

    @abstractmethod
    def pre_process(self, images: Images, *args: Any, **kwargs: Any) -> PreprocessedInputs:
        """Turn images into what the network takes."""

    @abstractmethod
    def forward(self, pre_processed_images: PreprocessedInputs, *args: Any, **kwargs: Any) -> RawPrediction:
        """Run the network."""

    @abstractmethod
    def post_process(self, model_results: RawPrediction, *args: Any, **kwargs: Any) -> Result:
        """Turn what the network gave into predictions."""


class StagedModelWithMetadata(Model, Generic[PreprocessedInputs, PreprocessingMetadata, RawPrediction, Result]):
    """Like `StagedModel`, but `pre_process` also returns metadata that `post_process` needs.

    The metadata says how each image was resized, so that predictions come back in pixels of the source image.
    """

    _STAGES: ClassVar[Mapping[str, int]] = {"pre_process": 1, "forward": 1, "post_process": 2}
    """The stages, and how many of their leading parameters `infer` fills."""

    def infer(self, images: Images, **kwargs: Any) -> Result:
        """Run the model on one image or several.

        Args:
            images: one image or a list of images.
            **kwargs: options of the stages.

        Raises:
            InvalidParameterError: no stage accepts one of the keyword arguments.
            ModelInputError: an image cannot be used.
            SessionClosedError: the model is closed.
        """
        pre_process, forward, post_process = self.stages(**kwargs)
        return post_process(forward(pre_process(images)))

    def stages(self, **kwargs: Any) -> Stages[Result]:
        """Return what `infer` does as three functions; see `StagedModel.stages`.

        What they hand on is a pair: the inputs or the raw prediction, and the metadata.

        Raises:
            InvalidParameterError: no stage accepts one of the keyword arguments.
            SessionClosedError: the model is closed.
        """
        self.ensure_open()
        pre, run, post = keywords_of(self, self._STAGES, kwargs)
        return (
            lambda images: self.pre_process(images, **pre),
            lambda inputs: (self.forward(inputs[0], **run), inputs[1]),
            lambda raw: self.post_process(raw[0], raw[1], **post),
        )

    def __call__(self, images: Images, **kwargs: Any) -> Result:
        """Run the model; the same as `infer`."""
        return self.infer(images, **kwargs)

    @abstractmethod
    def pre_process(
        self, images: Images, *args: Any, **kwargs: Any
    ) -> tuple[PreprocessedInputs, PreprocessingMetadata]:
        """Turn images into what the network takes; also return what `post_process` needs to know about it."""

    @abstractmethod
    def forward(self, pre_processed_images: PreprocessedInputs, *args: Any, **kwargs: Any) -> RawPrediction:
        """Run the network."""

    @abstractmethod
    def post_process(
        self, model_results: RawPrediction, pre_processing_meta: PreprocessingMetadata, *args: Any, **kwargs: Any
    ) -> Result:
        """Turn what the network gave into predictions in pixels of the source images."""
