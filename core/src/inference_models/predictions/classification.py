"""What each image of a batch shows, one class per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from inference_models.errors import InvalidParameterError
from inference_models.predictions.arrays import Array, as_floats, as_int64, to_list, to_numpy
from inference_models.predictions.base import ROWS, RowsPrediction, first_length
from inference_models.predictions.detections import INSTALL_VIZ
from inference_models.predictions.naming import find_class_name, to_class_names
from inference_models.predictions.optional import import_optional
from inference_models.predictions.plain import to_plain

_IMAGES_SHOWN = 3


@frozen
class ClassScore:
    """One class and how sure the model is of it.

    Attributes:
        class_id: index of the class.
        class_name: its name; the id as text when no name is known.
        confidence: in [0, 1].
    """

    class_id: int
    class_name: str
    confidence: float


@frozen(eq=False, repr=False)
class ClassificationPrediction(RowsPrediction):
    """What each of b images shows: one object for the whole batch.

    `prediction[0]` and iteration give single images as predictions of length 1. Arrays are indexed by numbers: image 0
    shows class `prediction.names[0]` with confidence `float(prediction.confidence[0][prediction.class_id[0]])`.
    `top_k` gives the best classes with their names and confidences.

    Attributes:
        class_id: (b,) int64, the best class of each image.
        confidence: (b, classes) float32, of every class, indexed by class id, never by name; over classes the sum is 1.
        class_names: the names of all classes, indexed by class id; None when unknown.
        images_metadata: anything about each image, b mappings.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    class_id: Array = field(metadata=ROWS)
    confidence: Array = field(metadata=ROWS)
    class_names: tuple[str, ...] | None = field(default=None, converter=to_class_names, kw_only=True)
    images_metadata: Sequence[Mapping[str, Any]] | None = field(default=None, kw_only=True, metadata=ROWS)

    def __attrs_post_init__(self) -> None:
        b = first_length(self.class_id, "class_id")
        self._settle("class_id", as_int64, (b,))
        self._settle("confidence", as_floats, (b, None), like="class_id")
        self._check_metadata("images_metadata")

    @property
    def names(self) -> list[str]:
        """The name of the best class of each image; its id as text where no name is known."""
        return [find_class_name(class_id, self.class_names) or str(class_id) for class_id in to_list(self.class_id)]

    def top_k(self, k: int = 5) -> list[list[ClassScore]]:
        """Return, for each image, its k best classes, best first; all classes when there are fewer.

        Raises:
            InvalidParameterError: `k` is below 1.
        """
        return [rank_classes(scores, k, self.class_names) for scores in to_numpy(self.confidence)]

    def to_supervision(self) -> list[Any]:
        """Return a `supervision.Classifications` for each image, of every class with its confidence.

        It has ids and no names: `class_names` of this prediction has those.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        import numpy as np

        sv = import_optional("supervision", purpose="to_supervision()", install=INSTALL_VIZ)
        return [sv.Classifications(np.arange(len(scores)), scores) for scores in to_numpy(self.confidence)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "images", a list with, for each image, "class_id", "class_name" (None when unknown), "confidence" (of
        that class), "confidences" (of every class) and, when there is any, "metadata"; and "class_names".
        """
        images = []
        for class_id, scores in zip(to_list(self.class_id), to_plain(self.confidence), strict=True):
            name = find_class_name(class_id, self.class_names)
            best = {"class_id": class_id, "class_name": name, "confidence": scores[class_id]}
            images.append({**best, "confidences": scores})
        for image, metadata in zip(images, self.images_metadata or (), strict=False):
            image["metadata"] = to_plain(metadata)
        return {"images": images, "class_names": to_plain(self.class_names)}

    def __len__(self) -> int:
        return int(self.class_id.shape[0])

    def __repr__(self) -> str:
        scores = to_numpy(self.confidence)
        shown = [
            f"{name} {scores[row, class_id]:.2f}"
            for row, (name, class_id) in enumerate(zip(self.names, to_list(self.class_id), strict=True))
            if row < _IMAGES_SHOWN
        ]
        more = [f"{len(self) - _IMAGES_SHOWN} more"] if len(self) > _IMAGES_SHOWN else []
        contents = f": {', '.join([*shown, *more])}" if len(self) else ""
        return f"{type(self).__name__}({len(self)}{contents})"


def rank_classes(scores: Array, k: int, class_names: Sequence[str] | None) -> list[ClassScore]:
    """Return the k best of the (classes,) numpy `scores`, best first; equal ones in the order of their ids.

    Raises:
        InvalidParameterError: `k` is below 1.
    """
    if k < 1:
        raise InvalidParameterError(f"`k` must be at least 1, got {k!r}.")
    best = (-scores).argsort(kind="stable")[:k].tolist()
    return [
        ClassScore(class_id, find_class_name(class_id, class_names) or str(class_id), float(scores[class_id]))
        for class_id in best
    ]
