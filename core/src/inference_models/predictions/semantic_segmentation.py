"""The class of every pixel of one image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from inference_models.errors import InvalidParameterError, describe_choices
from inference_models.predictions.arrays import Array, as_floats, as_integers, to_numpy
from inference_models.predictions.base import Prediction
from inference_models.predictions.coco_rle import compress_counts, mask_to_counts
from inference_models.predictions.detections import INSTALL_VIZ, supervision_names
from inference_models.predictions.naming import find_class_name, to_class_names
from inference_models.predictions.optional import import_optional
from inference_models.predictions.plain import to_plain

_CLASSES_SHOWN = 5


@frozen(eq=False, repr=False)
class SemanticSegmentationResult(Prediction):
    """The class of every pixel of one image.

    Attributes:
        segmentation_map: (H, W) integers of any width, the class id of each pixel, at the source image's size.
        confidence: (H, W) float32, of that class at that pixel, in [0, 1].
        class_names: the names of all classes, indexed by class id; None when unknown.
        image_metadata: anything about the image.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    segmentation_map: Array
    confidence: Array
    class_names: tuple[str, ...] | None = field(default=None, converter=to_class_names, kw_only=True)
    image_metadata: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self._settle("segmentation_map", as_integers, (None, None))
        self._settle("confidence", as_floats, tuple(self.segmentation_map.shape), like="segmentation_map")

    @property
    def class_ids(self) -> list[int]:
        """The ids of the classes that the image has, ascending."""
        import numpy as np

        return [int(class_id) for class_id in np.unique(to_numpy(self.segmentation_map))]

    @property
    def names(self) -> list[str]:
        """The names of the classes that the image has, in the order of `class_ids`; ids as text when unknown."""
        return [self._name(class_id) for class_id in self.class_ids]

    def mask(self, class_: int | str) -> Array:
        """Return where a class is, (H, W) bool in the library of the map.

        Args:
            class_: id or name.

        Raises:
            InvalidParameterError: no class has that name.
        """
        if isinstance(class_, str):
            if class_ not in (self.class_names or ()):
                raise InvalidParameterError(
                    f"No class is named {class_!r}. {describe_choices(class_, self.class_names or ())}"
                )
            class_ = (self.class_names or ()).index(class_)
        return self.segmentation_map == class_

    def to_supervision(self) -> Any:
        """Return a `supervision.Detections` with one mask for each class that the image has.

        The box is the mask's, the confidence the mean over the mask, class names are in `.data["class_name"]`
        when known.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        import numpy as np

        sv = import_optional("supervision", purpose="to_supervision()", install=INSTALL_VIZ)
        ids, masks, scores = [], [], []
        for class_id, mask, score in self._regions():
            ids.append(class_id)
            masks.append(mask)
            scores.append(score)
        dense = np.stack(masks) if masks else np.zeros((0, *self.segmentation_map.shape), bool)
        return sv.Detections(
            xyxy=sv.mask_to_xyxy(dense).astype(np.float32).reshape(-1, 4),
            mask=dense,
            class_id=np.asarray(ids, np.int32),
            confidence=np.asarray(scores, np.float32),
            data=supervision_names([self._name(class_id) for class_id in ids], self.class_names is not None),
            metadata=dict(self.image_metadata or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "image_size" (height, width); "classes", a list with "class_id", "class_name" (None when unknown),
        "fraction" (of all pixels), "confidence" (the mean over its pixels) and "mask" ({"size", "counts"}: COCO's
        compressed run lengths) of each class that the image has; "image_metadata".
        """
        height, width = (int(length) for length in self.segmentation_map.shape)
        classes = [
            {
                "class_id": class_id,
                "class_name": find_class_name(class_id, self.class_names),
                "fraction": float(mask.mean()),
                "confidence": to_plain(score),
                "mask": {
                    "size": [height, width],
                    "counts": compress_counts(mask_to_counts(mask)).decode("ascii"),
                },
            }
            for class_id, mask, score in self._regions()
        ]
        return {
            "image_size": [height, width],
            "classes": classes,
            "image_metadata": to_plain(self.image_metadata),
        }

    def __repr__(self) -> str:
        import numpy as np

        height, width = self.segmentation_map.shape
        ids, counts = np.unique(to_numpy(self.segmentation_map), return_counts=True)
        order = (-counts).argsort(kind="stable")
        shares = [f"{100 * counts[one] / counts.sum():.0f}% {self._name(int(ids[one]))}" for one in order]
        more = [f"{len(shares) - _CLASSES_SHOWN} other classes"] if len(shares) > _CLASSES_SHOWN else []
        contents = ", ".join([*shares[:_CLASSES_SHOWN], *more])
        return f"{type(self).__name__}({height}x{width}{': ' if contents else ''}{contents})"

    def _name(self, class_id: int) -> str:
        return find_class_name(class_id, self.class_names) or str(class_id)

    def _regions(self) -> Iterator[tuple[int, Array, float]]:
        """Yield id, (H, W) bool numpy mask and mean confidence of each class that the image has."""
        segmentation_map, confidence = to_numpy(self.segmentation_map), to_numpy(self.confidence)
        for class_id in self.class_ids:
            mask = segmentation_map == class_id
            yield class_id, mask, float(confidence[mask].mean())
