"""Boxes found in one image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from inference_models.predictions.arrays import Array, as_floats, as_int32, to_list
from inference_models.predictions.base import ROWS, RowsPrediction, first_length
from inference_models.predictions.naming import find_class_names, summarize, to_class_names
from inference_models.predictions.optional import import_optional
from inference_models.predictions.plain import to_plain

INSTALL_VIZ = 'pip install "im-core[viz]"'


@frozen(eq=False, repr=False)
class Detections(RowsPrediction):
    """Boxes found in one image, n of them. Arrays are numpy or torch, as the image was.

    `detections[detections.confidence > 0.5]`, slices, index arrays and ints give fewer boxes as the same type.

    Attributes:
        xyxy: (n, 4) float32: left, top, right, bottom in pixels of the source image, not rounded.
        class_id: (n,) int32.
        confidence: (n,) float32, in [0, 1].
        class_names: the names of all classes that the model knows, indexed by class id; None when unknown.
        image_metadata: anything about the whole image.
        bboxes_metadata: anything about each box, n mappings. "class_name" in one replaces the name that
            `class_names` gives, "tracker_id" is handed to supervision as such.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    xyxy: Array = field(metadata=ROWS)
    class_id: Array = field(metadata=ROWS)
    confidence: Array = field(metadata=ROWS)
    class_names: tuple[str, ...] | None = field(default=None, converter=to_class_names, kw_only=True)
    image_metadata: Mapping[str, Any] | None = field(default=None, kw_only=True)
    bboxes_metadata: Sequence[Mapping[str, Any]] | None = field(default=None, kw_only=True, metadata=ROWS)

    def __attrs_post_init__(self) -> None:
        n = first_length(self.xyxy, "xyxy")
        self._settle("xyxy", as_floats, (n, 4))
        self._settle("class_id", as_int32, (n,), like="xyxy")
        self._settle("confidence", as_floats, (n,), like="xyxy")
        self._check_metadata("bboxes_metadata")

    @property
    def names(self) -> list[str]:
        """The class name of each box; the class id as text where no name is known."""
        ids = to_list(self.class_id)
        return [name or str(class_id) for class_id, name in zip(ids, self._known_names(ids), strict=True)]

    def to_supervision(self) -> Any:
        """Return a `supervision.Detections`, with class names in `.data["class_name"]` when any is known.

        Metadata that every box has goes to `.data` too, "tracker_id" to `.tracker_id`, `image_metadata` to
        `.metadata`.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        sv = import_optional("supervision", purpose="to_supervision()", install=INSTALL_VIZ)
        boxes = self.to_numpy()
        return sv.Detections(
            xyxy=boxes.xyxy,
            mask=boxes._supervision_mask(),
            class_id=boxes.class_id,
            confidence=boxes.confidence,
            tracker_id=boxes._tracker_ids(),
            data=boxes._supervision_data(),
            metadata=dict(boxes.image_metadata or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "detections", a list with "xyxy" (4 floats), "class_id", "class_name" (None when unknown),
        "confidence" and, when there is any, "metadata" for each box; "image_metadata".
        """
        ids = to_list(self.class_id)
        columns: dict[str, list[Any]] = {
            "xyxy": to_plain(self.xyxy),
            "class_id": ids,
            "class_name": self._known_names(ids),
            "confidence": to_plain(self.confidence),
            **self._extra_columns(),
        }
        if self.bboxes_metadata is not None:
            columns["metadata"] = to_plain(list(self.bboxes_metadata))
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return {"detections": rows, "image_metadata": to_plain(self.image_metadata)}

    def __len__(self) -> int:
        return int(self.xyxy.shape[0])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over (xyxy (4,), mask, class_id, confidence, tracker_id, data, image_metadata) of each box.

        mask is None here; class_id and confidence are scalars of the arrays' library; data is the box's
        metadata, {} when there is none.
        """
        image_metadata = self.image_metadata or {}
        for row in range(len(self)):
            data = self.bboxes_metadata[row] if self.bboxes_metadata is not None else {}
            yield (
                self.xyxy[row],
                self._mask_of(row),
                self.class_id[row],
                self.confidence[row],
                data.get("tracker_id"),
                data,
                image_metadata,
            )

    def __repr__(self) -> str:
        contents = f": {summarize(self.names)}" if len(self) else ""
        return f"{type(self).__name__}({len(self)}{contents}{self._repr_tail()})"

    def _known_names(self, ids: Sequence[int]) -> list[str | None]:
        return find_class_names(ids, self.class_names, self.bboxes_metadata)

    def _tracker_ids(self) -> Array | None:
        import numpy as np

        ids = [row.get("tracker_id") for row in self.bboxes_metadata or ()]
        return np.asarray(ids, int) if ids and all(isinstance(one, (int, np.integer)) for one in ids) else None

    def _supervision_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        rows = self.bboxes_metadata or ()
        for key in set.intersection(*(set(row) for row in rows)) if rows else ():
            data[key] = [row[key] for row in rows]
        data.pop("tracker_id", None)
        return data | supervision_names(self.names, self.class_names is not None or "class_name" in data)

    # What boxes with masks add.

    def _mask_of(self, row: int) -> Any:
        return None

    def _supervision_mask(self) -> Array | None:
        return None

    def _extra_columns(self) -> dict[str, list[Any]]:
        return {}

    def _repr_tail(self) -> str:
        return ""


def supervision_names(names: Sequence[str], known: bool) -> dict[str, Any]:
    """Return supervision's `data` entry for class names; empty when they are not known."""
    import numpy as np

    return {"class_name": np.asarray(names, dtype=np.str_)} if known else {}
