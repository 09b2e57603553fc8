"""Key points of the instances found in one image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from inference_models.predictions.arrays import Array, as_floats, as_int32, to_list
from inference_models.predictions.base import ROWS, RowsPrediction, first_length
from inference_models.predictions.detections import INSTALL_VIZ, supervision_names
from inference_models.predictions.naming import find_class_names, summarize, to_class_names
from inference_models.predictions.optional import import_optional
from inference_models.predictions.plain import to_plain

Skeletons: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""For each class, pairs of indices into its key points."""


def _to_key_points_classes(names: Iterable[Iterable[str]] | None) -> tuple[tuple[str, ...], ...] | None:
    return None if names is None else tuple(tuple(points) for points in names)


def _to_skeletons(skeletons: Iterable[Iterable[Sequence[int]]] | None) -> Skeletons | None:
    if skeletons is None:
        return None
    return tuple(tuple((int(start), int(end)) for start, end in edges) for edges in skeletons)


@frozen(eq=False, repr=False)
class KeyPoints(RowsPrediction):
    """Key points of n instances, k of each. Classes with fewer points are padded with confidence 0.

    Slices, index arrays, boolean masks and ints choose instances.

    Attributes:
        xy: (n, k, 2) float32: pixels of the source image, not rounded.
        class_id: (n,) int32, the class of each instance.
        confidence: (n, k) float32, of each point; 0 where the class has no such point.
        covariance: (n, k, 2, 2) float32, in square pixels: how sure each position is; NaN where that is not known. None
            when not predicted.
        detection_confidence: (n,) float32, of each instance. None when not predicted.
        class_names: the names of all classes that the model knows, indexed by class id; None when unknown.
        key_points_classes: the names of the points of each class, indexed by class id; None when unknown.
        skeletons: for each class, which of its points are joined, pairs of indices; None when unknown.
        image_metadata: anything about the whole image.
        key_points_metadata: anything about each instance, n mappings.

    Raises:
        InvalidParameterError: an array has another shape or element type, or arrays of both libraries are mixed.
    """

    xy: Array = field(metadata=ROWS)
    class_id: Array = field(metadata=ROWS)
    confidence: Array = field(metadata=ROWS)
    covariance: Array | None = field(default=None, kw_only=True, metadata=ROWS)
    detection_confidence: Array | None = field(default=None, kw_only=True, metadata=ROWS)
    class_names: tuple[str, ...] | None = field(default=None, converter=to_class_names, kw_only=True)
    key_points_classes: tuple[tuple[str, ...], ...] | None = field(
        default=None, converter=_to_key_points_classes, kw_only=True
    )
    skeletons: Skeletons | None = field(default=None, converter=_to_skeletons, kw_only=True)
    image_metadata: Mapping[str, Any] | None = field(default=None, kw_only=True)
    key_points_metadata: Sequence[Mapping[str, Any]] | None = field(default=None, kw_only=True, metadata=ROWS)

    def __attrs_post_init__(self) -> None:
        n = first_length(self.xy, "xy")
        self._settle("xy", as_floats, (n, None, 2))
        k = int(self.xy.shape[1])
        self._settle("class_id", as_int32, (n,), like="xy")
        self._settle("confidence", as_floats, (n, k), like="xy")
        if self.covariance is not None:
            self._settle("covariance", as_floats, (n, k, 2, 2), like="xy")
        if self.detection_confidence is not None:
            self._settle("detection_confidence", as_floats, (n,), like="xy")
        self._check_metadata("key_points_metadata")

    @property
    def names(self) -> list[str]:
        """The class name of each instance; the class id as text where no name is known."""
        ids = to_list(self.class_id)
        return [name or str(class_id) for class_id, name in zip(ids, self._known_names(ids), strict=True)]

    def to_supervision(self) -> Any:
        """Return a `supervision.KeyPoints`; points of confidence 0 are not `visible`.

        Class names are in `.data["class_name"]` when known, covariances in `.data["covariance"]`.

        Raises:
            MissingDependencyError: supervision is not installed.
        """
        sv = import_optional("supervision", purpose="to_supervision()", install=INSTALL_VIZ)
        points = self.to_numpy()
        known = points.class_names is not None or any("class_name" in row for row in points.key_points_metadata or ())
        data = supervision_names(points.names, known)
        if points.covariance is not None:
            data["covariance"] = points.covariance
        return sv.KeyPoints(
            xy=points.xy,
            class_id=points.class_id,
            keypoint_confidence=points.confidence,
            detection_confidence=points.detection_confidence,
            visible=points.confidence > 0,
            data=data,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values.

        Keys: "key_points", a list with, for each instance, "class_id", "class_name" (None when unknown),
        "detection_confidence" (None when not predicted), "points" and, when there is any, "metadata"; and
        "image_metadata". Each of "points" has "name" (None when unknown), "xy" (2 floats), "confidence" and,
        when predicted, "covariance" (2 x 2 floats).
        """
        ids = to_list(self.class_id)
        confidences = [None] * len(self) if self.detection_confidence is None else to_plain(self.detection_confidence)
        rows = [
            {"class_id": class_id, "class_name": name, "detection_confidence": confidence, "points": points}
            for class_id, name, confidence, points in zip(
                ids, self._known_names(ids), confidences, self._points(ids), strict=True
            )
        ]
        for row, metadata in zip(rows, self.key_points_metadata or (), strict=False):
            row["metadata"] = to_plain(metadata)
        return {"key_points": rows, "image_metadata": to_plain(self.image_metadata)}

    def __len__(self) -> int:
        return int(self.xy.shape[0])

    def __repr__(self) -> str:
        contents = f": {summarize(self.names)}" if len(self) else ""
        return f"{type(self).__name__}({len(self)}{contents}; {self.xy.shape[1]} points each)"

    def _known_names(self, ids: Sequence[int]) -> list[str | None]:
        return find_class_names(ids, self.class_names, self.key_points_metadata)

    def _points(self, ids: Sequence[int]) -> list[list[dict[str, Any]]]:
        columns: dict[str, Any] = {"xy": to_plain(self.xy), "confidence": to_plain(self.confidence)}
        if self.covariance is not None:
            columns["covariance"] = to_plain(self.covariance)
        instances = []
        for row, class_id in enumerate(ids):
            names = self._point_names(class_id)
            values = zip(names, *(column[row] for column in columns.values()), strict=True)
            instances.append([dict(zip(("name", *columns), value, strict=True)) for value in values])
        return instances

    def _point_names(self, class_id: int) -> list[str | None]:
        classes = self.key_points_classes or ()
        known: tuple[str | None, ...] = classes[class_id] if 0 <= class_id < len(classes) else ()
        k = int(self.xy.shape[1])
        return [*known[:k], *[None] * (k - len(known))]
