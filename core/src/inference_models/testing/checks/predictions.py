"""Whether a prediction is what the documentation of its class says. One function for each type of the core."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    InstanceDetections,
    InstancesRLEMasks,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)
from inference_models.predictions.arrays import describe, is_array, to_numpy
from inference_models.predictions.base import Prediction
from inference_models.testing.checks.comparing import difference, parts_of
from inference_models.testing.checks.findings import Finding

ImageSize: TypeAlias = tuple[int, int]
"""Height and width of the picture that a prediction is about."""

_SUM_TOLERANCE = 1e-3
_PLAIN = (str, int, float, bool, type(None))


def check_prediction(prediction: Any, size: ImageSize) -> None:
    """Check what a model says about one image.

    Predictions of the core's types are held to what their classes document. A tuple, list or mapping is checked part
    by part, an array must be finite. Anything else must give plain data: `to_dict()` for JSON, or attributes that do.

    Args:
        prediction: about one image. A classification is one of length 1.
        size: height and width of the image, in pixels.

    Raises:
        Finding: something is wrong with it.
    """
    if isinstance(prediction, (tuple, list, dict)):
        for part in (parts_of(prediction) or {}).values():
            check_prediction(part, size)
        _check_rows_agree(prediction)
        return
    for kind, check in _CHECKS:
        if isinstance(prediction, kind):
            check(prediction, size)
            break
    if is_array(prediction):
        check_finite(prediction, "The array")
    elif not isinstance(prediction, _PLAIN):
        check_plain_data(prediction)


def check_detections(found: Detections, size: ImageSize) -> None:
    """Check boxes: ordered corners, inside or across the picture, classes that exist, confidences in [0, 1]."""
    where = type(found).__name__
    check_finite(found.xyxy, f"{where}.xyxy")
    left, top, right, bottom = to_numpy(found.xyxy).T
    if (left > right).any() or (top > bottom).any():
        row = int(np.flatnonzero((left > right) | (top > bottom))[0])
        raise Finding(
            f"{where}.xyxy[{row}] is {to_numpy(found.xyxy)[row].tolist()}: its left is right of its right, or its top "
            f"below its bottom.",
            "Boxes are left, top, right, bottom. Networks often give centre and size: cxcywh_to_xyxy turns these.",
        )
    height, width = size
    outside = (right < 0) | (bottom < 0) | (left > width) | (top > height)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise Finding(
            f"{where}.xyxy[{row}] is {to_numpy(found.xyxy)[row].tolist()}, outside of a picture of {width}x{height} "
            f"(width x height).",
            "Give boxes in pixels of the source image: rescale_boxes undoes what pre-processing did.",
        )
    check_fractions(found.confidence, f"{where}.confidence")
    named = found.bboxes_metadata is not None and all("class_name" in row for row in found.bboxes_metadata)
    check_class_ids(found.class_id, None if named else found.class_names, where)
    if isinstance(found, InstanceDetections):
        _check_masks(found, size)


def check_key_points(found: KeyPoints, size: ImageSize) -> None:
    """Check key points: finite positions, confidences in [0, 1], names and skeletons that fit the points."""
    check_finite(found.xy, "KeyPoints.xy")
    check_fractions(found.confidence, "KeyPoints.confidence")
    check_class_ids(found.class_id, found.class_names, "KeyPoints")
    if found.detection_confidence is not None:
        check_fractions(found.detection_confidence, "KeyPoints.detection_confidence")
    if found.covariance is not None:
        variances = to_numpy(found.covariance)[..., [0, 1], [0, 1]]
        if (variances < 0).any() or np.isinf(variances).any():
            raise Finding(
                "KeyPoints.covariance holds variances that are negative or infinite.",
                "Give square pixels of the source image, and NaN where nothing is known about a point.",
            )
    for class_id, (names, edges) in enumerate(zip(found.key_points_classes or (), found.skeletons or (), strict=False)):
        if any(end >= len(names) or end < 0 for edge in edges for end in edge):
            raise Finding(
                f"KeyPoints.skeletons[{class_id}] joins points that class {class_id} does not have: {list(edges)} with "
                f"{len(names)} points.",
                "Skeletons are pairs of indices into `key_points_classes` of the same class, from 0.",
            )


def check_classification(found: ClassificationPrediction, size: ImageSize) -> None:
    """Check a class: the best of the confidences, which add up to 1."""
    where = "ClassificationPrediction"
    check_fractions(found.confidence, f"{where}.confidence")
    check_class_ids(found.class_id, found.class_names, where)
    scores, ids = to_numpy(found.confidence), to_numpy(found.class_id)
    _check_number_of_scores(scores.shape[1], found.class_names, where)
    if (np.abs(scores.sum(axis=1) - 1) > _SUM_TOLERANCE).any():
        raise Finding(
            f"{where}.confidence adds up to {scores.sum(axis=1).tolist()} and not to 1.",
            "Put the network's scores through softmax. Where labels do not exclude each other, give a "
            "MultiLabelClassificationPrediction.",
        )
    if (scores[np.arange(len(ids)), ids] < scores.max(axis=1) - _SUM_TOLERANCE).any():
        raise Finding(f"{where}.class_id is not the class of the highest confidence.", "Give argmax of `confidence`.")


def check_labels(found: MultiLabelClassificationPrediction, size: ImageSize) -> None:
    """Check labels: each once, and each confidence in [0, 1]."""
    where = "MultiLabelClassificationPrediction"
    check_fractions(found.confidence, f"{where}.confidence")
    check_class_ids(found.class_ids, found.class_names, where)
    _check_number_of_scores(len(found.confidence), found.class_names, where)
    ids = to_numpy(found.class_ids).tolist()
    if len(set(ids)) < len(ids):
        raise Finding(f"{where}.class_ids names a class twice: {ids}.", "Give each class that applies once.")


def check_segmentation(found: SemanticSegmentationResult, size: ImageSize) -> None:
    """Check the class of each pixel: as many pixels as the picture has, classes that exist."""
    where = "SemanticSegmentationResult"
    _check_size(tuple(found.segmentation_map.shape), size, f"{where}.segmentation_map")
    check_fractions(found.confidence, f"{where}.confidence")
    check_class_ids(found.segmentation_map, found.class_names, where)


def check_depth(depth: Any, size: ImageSize) -> None:
    """Check a depth map: (height, width) float32 at the size of the picture, finite."""
    if not is_array(depth) or str(depth.dtype).removeprefix("torch.") != "float32":
        raise Finding(f"A depth map is {describe(depth)}.", "Give a float32 array (height, width) for each image.")
    _check_size(tuple(depth.shape), size, "A depth map")
    check_finite(depth, "A depth map")


def check_finite(array: Any, what: str) -> None:
    """Raise Finding when there is NaN or infinity in an array of floats."""
    values = to_numpy(array)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Finding(f"{what} holds NaN or infinity.", "Find the step that divides by zero, or overflows in float16.")


def check_fractions(array: Any, what: str) -> None:
    """Raise Finding unless all values are in [0, 1]."""
    values = to_numpy(array)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise Finding(
            f"{what} runs from {values.min()} to {values.max()}, and confidences are in [0, 1].",
            "Put the network's scores through sigmoid or softmax, unless it does so itself.",
        )


def check_class_ids(array: Any, names: Sequence[str] | None, where: str) -> None:
    """Raise Finding unless all ids are at least 0 and have a name, where names are known."""
    ids = to_numpy(array)
    if not ids.size:
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or (names is not None and high >= len(names)):
        known = "" if names is None else f" and there are {len(names)} class names"
        raise Finding(
            f"{where} has class ids from {low} to {high}{known}.",
            "Class ids index `class_names`, from 0. Drop a background class, or name it.",
        )


def check_plain_data(prediction: Any) -> None:
    """Raise Finding unless a prediction can be written as JSON and, if it is one of the core's, moved to numpy."""
    where = type(prediction).__name__
    to_dict = getattr(prediction, "to_dict", None)
    if not callable(to_dict):
        raise Finding(
            f"{where} has no to_dict(), so neither `im predict --json` nor a web service can show it.",
            "Derive it from a prediction of inference_models, or give it to_dict() that returns what JSON knows.",
        )
    try:
        plain = to_dict()
        again = json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Finding(
            f"{where}.to_dict() is not what JSON knows: {error}.",
            "Turn arrays into lists, numpy's numbers into Python's, keys into text, and NaN into None.",
        ) from error
    to_json = getattr(prediction, "to_json", None)
    if callable(to_json) and json.loads(to_json()) != again:
        raise Finding(f"{where}.to_json() is not the JSON of to_dict().", "Let to_json() write what to_dict() gives.")
    if isinstance(prediction, Prediction) and (text := difference(prediction.to_numpy().to_dict(), plain, 0.0)):
        raise Finding(f"{where}.to_numpy() changes what it says: {text}.", "Keep the values when arrays are converted.")


def _check_masks(found: InstanceDetections, size: ImageSize) -> None:
    if found.mask is None:
        return
    of_masks = found.mask.image_size if isinstance(found.mask, InstancesRLEMasks) else tuple(found.mask.shape[1:])
    if len(found):
        _check_size(of_masks, size, "InstanceDetections.mask")
    if isinstance(found.mask, InstancesRLEMasks):
        found.mask.to_dense()


def _check_size(actual: tuple[int, ...], size: ImageSize, what: str) -> None:
    if tuple(actual) != tuple(size):
        raise Finding(
            f"{what} has the size {tuple(actual)}, and the picture is {tuple(size)} (height, width).",
            "Bring it to the size of the source image: restore_map and dense_masks undo what pre-processing did.",
        )


def _check_number_of_scores(scores: int, names: Sequence[str] | None, where: str) -> None:
    if names is not None and len(names) != scores:
        raise Finding(
            f"{where} has {scores} confidences and {len(names)} class names.",
            "Give a confidence for every class, and the names that the network was trained with.",
        )


def _check_rows_agree(prediction: Any) -> None:
    """Key points and boxes of one image, given together, are about the same instances."""
    points = [part for part in prediction if isinstance(part, KeyPoints)] if isinstance(prediction, tuple) else []
    boxes = [part for part in prediction if isinstance(part, Detections)] if points else []
    if points and boxes and difference(points[0].class_id, boxes[0].class_id, 0.0):
        raise Finding(
            f"There are {len(points[0])} instances with key points and {len(boxes[0])} boxes, or their classes differ.",
            "Rows of both are the same instances: choose rows in both when some are dropped.",
        )


_CHECKS: Sequence[tuple[type, Callable[[Any, ImageSize], None]]] = (
    (Detections, check_detections),
    (KeyPoints, check_key_points),
    (ClassificationPrediction, check_classification),
    (MultiLabelClassificationPrediction, check_labels),
    (SemanticSegmentationResult, check_segmentation),
)
