"""RF-DETR key-point detection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from im_rfdetr.outputs import VALUES_PER_POINT, RawResults
from im_rfdetr.package import RFDETRPackage
from im_rfdetr.points import Points, fuse_scores, read_points
from im_rfdetr.selection import Selected, select
from im_rfdetr.stages import RFDETRStages, place_boxes
from inference_models import (
    Confidence,
    CorruptedModelPackageError,
    Detections,
    InvalidParameterError,
    KeyPoints,
    KeyPointsDetectionModel,
)
from inference_models.developer_tools import (
    Array,
    KeyPointsMetadata,
    PreProcessingMetadata,
    as_numpy,
    check_fraction,
    check_max_detections,
    in_kind,
    parse_key_points_metadata,
)

__all__ = ["RFDETRKeyPointsDetector"]

_DEFAULT_POINT_CONFIDENCE = 0.3


class RFDETRKeyPointsDetector(RFDETRStages, KeyPointsDetectionModel[Array, list[PreProcessingMetadata], RawResults]):
    """An RF-DETR key-point detector. Safe to use from several threads at once."""

    needs = "key points"

    def __init__(self, package: RFDETRPackage, key_points: KeyPointsMetadata) -> None:
        super().__init__(package)
        self._key_points = key_points
        self._shown_points = key_points.take(package.classes.mapping.kept.tolist())

    @classmethod
    def _from_package(cls, opened: RFDETRPackage, directory: Path) -> Self:
        class_count = len(opened.classes.mapping.network_names)
        key_points = parse_key_points_metadata(directory / "keypoints_metadata.json", class_count)
        for output in opened.network.session.outputs:
            if len(output.shape) == 4 and output.shape[2] is not None:
                _check_slots(output.shape[2:], key_points)
        return cls(opened, key_points)

    @property
    def key_points_classes(self) -> list[list[str]]:
        """The names of the key points of each class, indexed by class id."""
        return [list(names) for names in self._shown_points.classes]

    @property
    def skeletons(self) -> list[list[tuple[int, int]]]:
        """For each class, which of its key points are joined: pairs of indices into its `key_points_classes`."""
        return [list(edges) for edges in self._shown_points.skeletons]

    def post_process(
        self,
        model_results: RawResults,
        pre_processing_meta: list[PreProcessingMetadata],
        *,
        confidence: Confidence = "default",
        max_detections: int | None = None,
        key_points_threshold: float | None = None,
    ) -> tuple[list[KeyPoints], list[Detections] | None]:
        """Return the instances found in each image.

        Args:
            model_results: what `forward` returned for N images.
            pre_processing_meta: N metadata as `pre_process` returns them.
            confidence: instances with a score strictly above are kept: a number in [0, 1]; "default", 0.4; or "best",
                what whoever trained the model recommends, by class where they do. The score is that of the class,
                lowered or raised by how sure the network is where the points are.
            max_detections: at most this many per image, best first. Default: as many as the network has queries.
            key_points_threshold: key points with a lower confidence get position 0, 0, confidence 0 and an undefined
                (NaN) covariance, as do those that the class does not have. Default 0.3.

        Returns:
            For each image the key points, (n, k, 2) float32 in source pixels, unrounded, with (n, k) confidences and
            (n, k, 2, 2) covariances in square pixels; a point may lie beyond the image. And the boxes of the same
            instances. Best first.

        Raises:
            InvalidParameterError: a threshold cannot be used.
            CorruptedModelPackageError: the network has other classes or key points than the package's files name.
        """
        lowest = _DEFAULT_POINT_CONFIDENCE
        if key_points_threshold is not None:
            lowest = check_fraction("key_points_threshold", key_points_threshold)
        if model_results.extra is None:
            raise InvalidParameterError("model_results has no key points. Pass what this model's forward() returned.")
        limit = None if max_detections is None else check_max_detections(max_detections)
        logits, points = as_numpy(model_results.logits), as_numpy(model_results.extra)
        _check_slots(points.shape[2:], self._key_points)
        ids, thresholds = self._package.classes.column_thresholds(logits.shape[2], self._package.threshold(confidence))
        key_points, detections = [], []
        for scores, boxes, slots, metadata in zip(
            logits, as_numpy(model_results.boxes), points, pre_processing_meta, strict=True
        ):
            pairs, shown = self._find(scores, boxes, slots, thresholds, limit)
            found = Detections(
                xyxy=place_boxes(boxes, pairs.queries, metadata),
                class_id=ids[pairs.columns].astype(np.int32),
                confidence=pairs.scores,
                class_names=self._package.classes.names,
            )
            detections.append(in_kind(found, metadata))
            key_points.append(in_kind(self._to_key_points(found, shown, metadata, lowest), metadata))
        return key_points, detections

    def _find(self, logits: Any, boxes: Any, slots: Any, thresholds: Any, limit: int | None) -> tuple[Selected, Points]:
        """Return the pairs whose score, with what their points say, passes the threshold; best first."""
        shown = np.where(np.isfinite(thresholds), np.float32(-1), np.float32(np.inf))
        pairs = select(logits, shown, self._package.select_count or len(logits)).with_boxes(boxes)
        points = read_points(slots, pairs, [len(names) for names in self._key_points.classes])
        scores = fuse_scores(pairs.scores, points)
        kept = np.flatnonzero(scores > thresholds[pairs.columns])
        kept = kept[np.argsort(-scores[kept], kind="stable")][:limit]
        return Selected(pairs.queries[kept], pairs.columns[kept], scores[kept]), points.take(kept)

    def _to_key_points(
        self, found: Detections, points: Points, metadata: PreProcessingMetadata, lowest: float
    ) -> KeyPoints:
        xy, confidence, covariance = points.place(metadata, lowest)
        return KeyPoints(
            xy=xy,
            class_id=found.class_id,
            confidence=confidence,
            covariance=covariance,
            detection_confidence=found.confidence,
            class_names=found.class_names,
            key_points_classes=self._shown_points.classes,
            skeletons=self._shown_points.skeletons,
        )


def _check_slots(shape: Any, key_points: KeyPointsMetadata) -> None:
    """Raise CorruptedModelPackageError unless the network has the key points that the package names."""
    slots, values = shape
    most = key_points.slots
    with_points = max((class_id + 1 for class_id, names in enumerate(key_points.classes) if names), default=0)
    if values not in (VALUES_PER_POINT, None) or not most or slots % most or slots // most < with_points:
        raise CorruptedModelPackageError(
            f"The network gives {slots} key points of {values} values for each query, expected a multiple of {most} "
            f"(the most that a class has in keypoints_metadata.json), at least {with_points * most}, of "
            f"{VALUES_PER_POINT} values. Put the keypoints_metadata.json that the network was trained with into the "
            f"package."
        )
