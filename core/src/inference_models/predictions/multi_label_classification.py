"""Which labels apply to one image, any number of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from inference_models.predictions.arrays import Array, as_floats, as_int64, to_list, to_numpy
from inference_models.predictions.base import Prediction
from inference_models.predictions.classification import ClassScore, rank_classes
from inference_models.predictions.detections import INSTALL_VIZ
from inference_models.predictions.naming import find_class_name, to_class_names
from inference_models.predictions.optional import import_optional
from inference_models.predictions.plain import to_plain

_LABELS_SHOWN = 5


@frozen(eq=False, repr=False)
class MultiLabelClassificationPrediction(Prediction):
    """Which labels apply to one image: m of all classes. Iteration gives each as a `ClassScore`.

    Attributes:
        class_ids: (m,) int64, the classes that apply.
        confidence: (classes,) float32, of every class, each in [0, 1] on its own.
        class_names: the names of all classes, indexed by class id; None when unknown.
        image_metadata: anything about the image.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    class_ids: Array
    confidence: Array
    class_names: tuple[str, ...] | None = field(default=None, converter=to_class_names, kw_only=True)
    image_metadata: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._settle("class_ids", as_int64, (None,))
        self._settle("confidence", as_floats, (None,), like="class_ids")

    @property
    def names(self) -> list[str]:
        """The names of the classes that apply; the id as text where no name is known."""
        return [find_class_name(class_id, self.class_names) or str(class_id) for class_id in to_list(self.class_ids)]

    def top_k(self, k: int = 5) -> list[ClassScore]:
        """Return the k best of all classes, best first, whether they apply or not.

        Raises:
            InvalidParameterError: `k` is below 1.
        """
        return rank_classes(to_numpy(self.confidence), k, self.class_names)

    def to_supervision(self) -> Any:
        """Return a `supervision.Classifications` of the classes that apply, with their confidences.

        It has ids and no names: `class_names` of this prediction has those.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        sv = import_optional("supervision", purpose="to_supervision()", install=INSTALL_VIZ)
        class_ids = to_numpy(self.class_ids)
        return sv.Classifications(class_ids, to_numpy(self.confidence)[class_ids])

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "classes", a list with "class_id", "class_name" (None when unknown) and "confidence" of those that
        apply; "confidences" of every class; "class_names"; "image_metadata".
        """
        scores = to_plain(self.confidence)
        return {
            "classes": [
                {
                    "class_id": class_id,
                    "class_name": find_class_name(class_id, self.class_names),
                    "confidence": scores[class_id],
                }
                for class_id in to_list(self.class_ids)
            ],
            "confidences": scores,
            "class_names": to_plain(self.class_names),
            "image_metadata": to_plain(self.image_metadata),
        }

    def __len__(self) -> int:
        return int(self.class_ids.shape[0])

    def __iter__(self) -> Iterator[ClassScore]:
        scores = to_numpy(self.confidence)
        for class_id, name in zip(to_list(self.class_ids), self.names, strict=True):
            yield ClassScore(class_id, name, float(scores[class_id]))

    def __repr__(self) -> str:
        labels = [f"{score.class_name} {score.confidence:.2f}" for score in self]
        more = [f"{len(labels) - _LABELS_SHOWN} more"] if len(labels) > _LABELS_SHOWN else []
        contents = f": {', '.join([*labels[:_LABELS_SHOWN], *more])}" if labels else ""
        return f"{type(self).__name__}({len(self)}{contents})"
