"""A loaded model together with what it is checked on, and its answers one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from inference_models.errors import BaseInferenceModelsError
from inference_models.models import OpenVocabularyObjectDetectionModel, TextImageEmbeddingModel, VisionLanguageModel
from inference_models.predictions import ClassificationPrediction
from inference_models.predictions.arrays import is_array
from inference_models.testing.checks.findings import Finding
from inference_models.testing.checks.images import Picture, default_images

_KINDS = "a list with one entry for each image, a tuple of such lists, a ClassificationPrediction or an array"


def _to_pictures(images: Sequence[Picture]) -> tuple[Picture, ...]:
    return tuple(images)


@frozen(kw_only=True)
class ModelSubject:
    """What a check of a model is given.

    Attributes:
        model: loaded.
        images: pictures that it is asked about, (height, width, 3) uint8 blue-green-red, at least one; two of
            different sizes are needed to see whether sizes may differ.
        method: the model's method that takes images first, for example "infer".
        options: keyword arguments of each call.
        tolerance: how far numbers may differ that should be equal, as a share of the larger number, and at least of 1:
            a network may add in another order for another batch.
        scales_with_input: whether positions in its predictions grow with the picture.
    """

    model: Any
    images: tuple[Picture, ...] = field(factory=default_images, converter=_to_pictures)
    method: str = "infer"
    options: Mapping[str, Any] = field(factory=dict)
    tolerance: float = 1e-3
    scales_with_input: bool = True

    @property
    def name(self) -> str:
        """The model's class."""
        return type(self.model).__name__

    def call(self, images: Any, **more: Any) -> Any:
        """Return what the model's method gives for `images`."""
        method = getattr(self.model, self.method, None)
        if not callable(method):
            raise Finding(
                f"{self.name} has no method {self.method!r}.",
                'State the method that takes images as `method`, for example `method = "infer"`.',
            )
        return method(images, **{**self.options, **more})

    def predict(self, images: Any, count: int, **more: Any) -> list[Any]:
        """Return what the model says of each of the `count` images in `images`.

        Raises:
            Finding: it refuses them, or gives another number of answers.
        """
        try:
            answer = self.call(images, **more)
        except BaseInferenceModelsError as error:
            raise Finding(
                f"{self.name}.{self.method} refused {described(images)}: {type(error).__name__}: {error}",
                "Accept all that developer_tools.as_images accepts; it turns images of any kind into arrays.",
            ) from error
        return one_by_one(answer, count, f"{self.name}.{self.method}({described(images)})")


def subject_of(model: Any) -> ModelSubject:
    """Return a model as checks take it, for whom nobody says how it is called: `infer`, unless its task has none.

    A vision-language model is asked its first task that needs no text, or a prompt; a model of named classes for one
    class; of a model for images and texts the vectors of images are checked.
    """
    if isinstance(model, VisionLanguageModel):
        task = next((task for task in model.tasks.values() if task.text is None), None)
        if task is not None:
            return ModelSubject(model=model, method=task.method, options=task.options)
        return ModelSubject(model=model, method="prompt", options={"prompt": "Describe the image."})
    if isinstance(model, TextImageEmbeddingModel):
        return ModelSubject(model=model, method="embed_images")
    if isinstance(model, OpenVocabularyObjectDetectionModel):
        return ModelSubject(model=model, options={"classes": ["object"]})
    return ModelSubject(model=model)


def one_by_one(answer: Any, count: int, where: str) -> list[Any]:
    """Return an answer for each of `count` images. Several answers about one image come as a tuple.

    Raises:
        Finding: there are more or fewer.
    """
    if isinstance(answer, tuple):
        parts = [[None] * count if part is None else one_by_one(part, count, where) for part in answer]
        return list(zip(*parts, strict=True))
    if not isinstance(answer, (list, ClassificationPrediction)) and not is_array(answer):
        raise Finding(
            f"{where} returned {type(answer).__name__}, which does not say which image each answer belongs to.",
            f"Return {_KINDS}.",
        )
    if len(answer) != count:
        raise Finding(
            f"{where} returned {len(answer)} answers for {count} images.",
            "Return one answer for each image, also for images in which nothing is found (an empty prediction).",
        )
    if isinstance(answer, ClassificationPrediction):
        return [answer[row] for row in range(count)]
    return list(answer)


def described(images: Any) -> str:
    """Return in a few words what is handed to a model."""
    if isinstance(images, (list, tuple)):
        inside = f" of {', '.join(described(one) for one in images)}" if images else ""
        return f"a {type(images).__name__}{inside}" if images else f"an empty {type(images).__name__}"
    if is_array(images):
        return f"{type(images).__name__} {tuple(images.shape)} {str(images.dtype).removeprefix('torch.')}"
    return repr(images)
