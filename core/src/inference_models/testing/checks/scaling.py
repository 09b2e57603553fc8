"""Whether positions are pixels of the picture that was given: twice the picture gives twice the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from attrs import frozen

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

POSITION_TOLERANCE = 0.03
"""How far positions may be off, as a share of the larger picture's longer side: both are resized, each in its way."""

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
    must be found in the other, of the same class, each position off by at most `POSITION_TOLERANCE`.

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
            case = _Case(
                f"{subject.name} on {image.shape[1]}x{image.shape[0]}", 2 * POSITION_TOLERANCE * max(image.shape)
            )
            compared += next(compare(one, other, case) for kind, compare in _COMPARISONS if isinstance(one, kind))
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


@frozen
class _Case:
    """What messages call it, and how many pixels of the larger picture positions may be off."""

    where: str
    pixels: float


class _Map:
    """An array with a value for each pixel."""

    def __init__(self, values: Any) -> None:
        self.values = to_numpy(values)


def _compare_boxes(small: Detections, large: Detections, case: _Case) -> int:
    one, other = 2.0 * to_numpy(small.xyxy), to_numpy(large.xyxy)
    near = (np.abs(one[:, None] - other[None]) <= case.pixels).all(axis=-1)
    return _compare_rows(near, small, large, case, f"{(one[:1] / 2).tolist()} became {other[:1].tolist()}")


def _compare_masks(small: InstanceDetections, large: InstanceDetections, case: _Case) -> int:
    compared = _compare_boxes(small, large, case)
    sizes = [_mask_size(found) for found in (small, large)]
    if None not in sizes and len(small) and len(large) and sizes[1] != tuple(2 * length for length in sizes[0] or ()):
        raise Finding(f"{case.where}: masks of {sizes[0]} became {sizes[1]}, not twice the size.", _CHANGE)
    return compared


def _compare_points(small: KeyPoints, large: KeyPoints, case: _Case) -> int:
    one, other = 2.0 * to_numpy(small.xy), to_numpy(large.xy)
    if one.shape[1] != other.shape[1]:
        raise Finding(f"{case.where}: {one.shape[1]} points of each instance became {other.shape[1]}.", _CHANGE)
    # Where one of both does not see a point, its position says nothing.
    seen = (to_numpy(small.confidence) > 0)[:, None] & (to_numpy(large.confidence) > 0)[None]
    near = ((np.abs(one[:, None] - other[None]) <= case.pixels).all(axis=-1) | ~seen).mean(axis=-1) >= FOUND_AGAIN
    return _compare_rows(near, small, large, case, f"{(one[:1] / 2).tolist()} became {other[:1].tolist()}")


def _compare_segmentation(small: SemanticSegmentationResult, large: SemanticSegmentationResult, case: _Case) -> int:
    one, other = to_numpy(small.segmentation_map), to_numpy(large.segmentation_map)
    _check_twice(one.shape, other.shape, case)
    same = float((doubled(one[..., None])[..., 0] == other).mean())
    if same < FOUND_AGAIN:
        raise Finding(f"{case.where}: {1 - same:.0%} of the pixels have another class in twice the picture.", _CHANGE)
    return 1


def _compare_maps(small: _Map, large: _Map, case: _Case) -> int:
    _check_twice(small.values.shape, large.values.shape, case)
    return 1


def _check_twice(one: Sequence[int], other: Sequence[int], case: _Case) -> None:
    if tuple(other[:2]) != tuple(2 * length for length in one[:2]):
        raise Finding(f"{case.where}: a map of {tuple(one)} became {tuple(other)}, not twice the size.", _CHANGE)


def _compare_rows(near: Any, small: Any, large: Any, case: _Case, example: str) -> int:
    """Compare what was found, given which rows of both are near each other; return how many rows there were."""
    if not len(small) and not len(large):
        return 0
    same = near & (to_numpy(small.class_id)[:, None] == to_numpy(large.class_id)[None])
    again = same.any(axis=1).mean() if len(small) else 0.0
    back = same.any(axis=0).mean() if len(large) else 0.0
    if min(again, back) < FOUND_AGAIN:
        raise Finding(
            f"{case.where}: {again:.0%} of {len(small)} things were found at twice the position in twice the picture, "
            f"and {back:.0%} of {len(large)} the other way round. First: {example}.",
            _CHANGE,
        )
    return len(small)


def _mask_size(found: InstanceDetections) -> tuple[int, ...] | None:
    if found.mask is None:
        return None
    return found.mask.image_size if isinstance(found.mask, InstancesRLEMasks) else tuple(found.mask.shape[1:])


_COMPARISONS: Sequence[tuple[type, Callable[[Any, Any, _Case], int]]] = (
    (InstanceDetections, _compare_masks),
    (Detections, _compare_boxes),
    (KeyPoints, _compare_points),
    (SemanticSegmentationResult, _compare_segmentation),
    (_Map, _compare_maps),
)
