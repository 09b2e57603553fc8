"""Whether positions are pixels of the picture that was given: twice the picture gives twice the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from inference_models.predictions import (
    Detections,
    InstanceDetections,
    InstancesRLEMasks,
    KeyPoints,
    SemanticSegmentationResult,
)
from inference_models.predictions.arrays import is_array, to_numpy
from inference_models.testing.checks.comparing import parts_of
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.images import doubled
from inference_models.testing.checks.subject import ModelSubject

BOX_OVERLAP = 0.6
"""How far the boxes of both pictures overlap at least, as intersection over union."""

FOUND_AGAIN = 0.7
"""The share of what the one picture shows that must be found in the other: a score near the threshold may cross it."""

_CHANGE = (
    "Give positions in pixels of the source image, each image with its own scale: pre_process returns metadata, and "
    "rescale_boxes, rescale_points, dense_masks and restore_map take it. A network that takes every picture at its own "
    "size may see other things in a larger one: if no pictures help, set scales_with_input = False."
)


def check_scaling(subject: ModelSubject) -> None:
    """Check that twice the picture gives twice the positions, and maps and masks of twice the size.

    Each pixel becomes four, so that x becomes exactly 2x. Of what is found in either picture at least `FOUND_AGAIN`
    must be found in the other, of the same class; boxes overlap by at least `BOX_OVERLAP`.

    Raises:
        Finding: they do not.
        NotChecked: the predictions hold no positions, or nothing was found in any picture.
    """
    if not subject.scales_with_input:
        raise NotChecked("scales_with_input is False: the predictions are about whole images")
    compared = 0
    for image in subject.images:
        (small,) = subject.predict(image, 1)
        (large,) = subject.predict(doubled(image), 1)
        for one, other in zip(_positioned(small), _positioned(large), strict=True):
            where = f"{subject.name} on {image.shape[1]}x{image.shape[0]}"
            compared += next(compare(one, other, where) for kind, compare in _COMPARISONS if isinstance(one, kind))
    if not compared:
        raise NotChecked(
            "nothing was found in any picture, so no positions were compared: give pictures in which the model finds "
            "something as the fixture `images`, or set scales_with_input = False when its predictions hold no positions"
        )


def _positioned(prediction: Any) -> Iterator[Any]:
    """Yield the parts of a prediction that hold positions."""
    if isinstance(prediction, tuple(kind for kind, _ in _COMPARISONS)):
        yield prediction
    elif is_array(prediction) and prediction.ndim >= 2:
        yield _Map(prediction)
    elif isinstance(prediction, (tuple, list)):
        for part in (parts_of(prediction) or {}).values():
            yield from _positioned(part)


class _Map:
    """An array with a value for each pixel."""

    def __init__(self, values: Any) -> None:
        self.values = to_numpy(values)


def _compare_boxes(small: Detections, large: Detections, where: str) -> int:
    near = _overlaps(2.0 * to_numpy(small.xyxy), to_numpy(large.xyxy)) >= BOX_OVERLAP
    return _compare_rows(
        near, small, large, where, f"{to_numpy(small.xyxy)[:1].tolist()} became {to_numpy(large.xyxy)[:1].tolist()}"
    )


def _compare_masks(small: InstanceDetections, large: InstanceDetections, where: str) -> int:
    compared = _compare_boxes(small, large, where)
    sizes = [_mask_size(found) for found in (small, large)]
    if None not in sizes and len(small) and len(large) and sizes[1] != tuple(2 * length for length in sizes[0] or ()):
        raise Finding(f"{where}: masks of {sizes[0]} became {sizes[1]}, not twice the size.", _CHANGE)
    return compared


def _compare_points(small: KeyPoints, large: KeyPoints, where: str) -> int:
    # Two sets of points are near when they are a tenth of their own extent apart, on average.
    one, other = 2.0 * to_numpy(small.xy), to_numpy(large.xy)
    if not len(one) or not len(other) or not one.shape[1]:
        return 0
    sure = (to_numpy(small.confidence) > 0)[:, None, :] & (to_numpy(large.confidence) > 0)[None, :, :]
    apart = np.linalg.norm(one[:, None] - other[None], axis=-1)
    mean = (apart * sure).sum(-1) / np.maximum(sure.sum(-1), 1)
    extent = np.ptp(one, axis=1).max(axis=1)
    near = mean <= np.maximum(0.2 * extent, 4)[:, None]
    return _compare_rows(near, small, large, where, f"{one[:1].tolist()} / 2 became {other[:1].tolist()}")


def _compare_segmentation(small: SemanticSegmentationResult, large: SemanticSegmentationResult, where: str) -> int:
    one, other = to_numpy(small.segmentation_map), to_numpy(large.segmentation_map)
    _check_twice(one.shape, other.shape, where)
    same = float((doubled(one[..., None])[..., 0] == other).mean())
    if same < FOUND_AGAIN:
        raise Finding(f"{where}: {1 - same:.0%} of the pixels have another class in twice the picture.", _CHANGE)
    return 1


def _compare_maps(small: _Map, large: _Map, where: str) -> int:
    _check_twice(small.values.shape, large.values.shape, where)
    return 1


def _check_twice(one: Sequence[int], other: Sequence[int], where: str) -> None:
    if tuple(other[:2]) != tuple(2 * length for length in one[:2]):
        raise Finding(f"{where}: a map of {tuple(one)} became {tuple(other)}, not twice the size.", _CHANGE)


def _compare_rows(near: Any, small: Any, large: Any, where: str, example: str) -> int:
    """Compare what was found, given which rows of both are near each other; return how many rows there were."""
    if not len(small) and not len(large):
        return 0
    same = near & (to_numpy(small.class_id)[:, None] == to_numpy(large.class_id)[None])
    again = same.any(axis=1).mean() if len(small) else 0.0
    back = same.any(axis=0).mean() if len(large) else 0.0
    if min(again, back) < FOUND_AGAIN:
        raise Finding(
            f"{where}: {again:.0%} of {len(small)} things were found at twice the position in twice the picture, and "
            f"{back:.0%} of {len(large)} the other way round. First: {example}.",
            _CHANGE,
        )
    return len(small)


def _overlaps(one: Any, other: Any) -> Any:
    """Return the intersection over union of (n, 4) and (m, 4) boxes as (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (one, other)]
    return inside / np.maximum(areas[0][:, None] + areas[1][None] - inside, 1e-9)


def _mask_size(found: InstanceDetections) -> tuple[int, ...] | None:
    if found.mask is None:
        return None
    return found.mask.image_size if isinstance(found.mask, InstancesRLEMasks) else tuple(found.mask.shape[1:])


_COMPARISONS: Sequence[tuple[type, Callable[[Any, Any, str], int]]] = (
    (InstanceDetections, _compare_masks),
    (Detections, _compare_boxes),
    (KeyPoints, _compare_points),
    (SemanticSegmentationResult, _compare_segmentation),
    (_Map, _compare_maps),
)
