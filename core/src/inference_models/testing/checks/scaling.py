"""Whether positions are pixels of the picture that was given: twice the picture gives twice the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from attrs import astuple, frozen

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
    counts = [_Count()]
    for image in subject.images:
        (small,) = subject.predict(image, 1)
        (large,) = subject.predict(doubled(image), 1)
        case = _Case(f"{subject.name} on {image.shape[1]}x{image.shape[0]}", 2 * POSITION_TOLERANCE * max(image.shape))
        for one, other in zip(_positioned(small), _positioned(large), strict=True):
            counts.append(next(compare(one, other, case) for kind, compare in _COMPARISONS if isinstance(one, kind)))
    if len(counts) == 1:
        raise NotChecked("the predictions hold no positions")
    _judge(subject, _Count(*(sum(column) for column in zip(*map(astuple, counts), strict=True))))


def _judge(subject: ModelSubject, count: _Count) -> None:
    if not count.things:
        raise NotChecked(
            "nothing was found in any picture, so no positions were compared: give pictures in which the model finds "
            "something as the fixture `images`"
        )
    if count.again < FOUND_AGAIN * count.things:
        raise Finding(
            f"Of {count.things:g} things that {subject.name} found in pictures and in pictures twice as large, "
            f"{count.again / count.things:.0%} have their like at twice the position.",
            _CHANGE,
        )
    # Shares of the picture, from 0 to 1, are close to each other as pixels, and do not grow.
    if count.moved_once < count.moved_twice:
        raise Finding(f"{subject.name}: positions stay where they are in pictures twice as large.", _CHANGE)


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


@frozen
class _Count:
    """How many things were found in both pictures, how many again in the other, and how far from where they should be.

    Attributes:
        things: in the picture and in twice the picture.
        again: those that have their like in the other.
        moved_twice: pixels between the nearest, where positions of the smaller picture count twice.
        moved_once: likewise, where they count once.
    """

    things: float = 0
    again: float = 0
    moved_twice: float = 0
    moved_once: float = 0


_FITS = _Count(things=1, again=1)


class _Map:
    """An array with a value for each pixel."""

    def __init__(self, values: Any) -> None:
        self.values = to_numpy(values)


def _compare_boxes(small: Detections, large: Detections, case: _Case) -> _Count:
    one, other = to_numpy(small.xyxy), to_numpy(large.xyxy)
    return _compare_rows(small, large, case, lambda factor: np.abs(factor * one[:, None] - other[None]).max(axis=-1))


def _compare_masks(small: InstanceDetections, large: InstanceDetections, case: _Case) -> _Count:
    compared = _compare_boxes(small, large, case)
    sizes = [_mask_size(found) for found in (small, large)]
    if None not in sizes and len(small) and len(large) and sizes[1] != tuple(2 * length for length in sizes[0] or ()):
        raise Finding(f"{case.where}: masks of {sizes[0]} became {sizes[1]}, not twice the size.", _CHANGE)
    return compared


def _compare_points(small: KeyPoints, large: KeyPoints, case: _Case) -> _Count:
    one, other = to_numpy(small.xy), to_numpy(large.xy)
    if one.shape[1] != other.shape[1]:
        raise Finding(f"{case.where}: {one.shape[1]} points of each instance became {other.shape[1]}.", _CHANGE)
    # Where one of both does not see a point, its position says nothing.
    seen = (to_numpy(small.confidence) > 0)[:, None] & (to_numpy(large.confidence) > 0)[None]

    def apart(factor: float) -> Any:
        return (np.abs(factor * one[:, None] - other[None]).max(axis=-1) * seen).sum(-1) / np.maximum(seen.sum(-1), 1)

    return _compare_rows(small, large, case, apart)


def _compare_segmentation(small: SemanticSegmentationResult, large: SemanticSegmentationResult, case: _Case) -> _Count:
    one, other = to_numpy(small.segmentation_map), to_numpy(large.segmentation_map)
    _check_twice(one.shape, other.shape, case)
    same = float((doubled(one[..., None])[..., 0] == other).mean())
    if same < FOUND_AGAIN:
        raise Finding(f"{case.where}: {1 - same:.0%} of the pixels have another class in twice the picture.", _CHANGE)
    return _FITS


def _compare_maps(small: _Map, large: _Map, case: _Case) -> _Count:
    _check_twice(small.values.shape, large.values.shape, case)
    return _FITS


def _check_twice(one: Sequence[int], other: Sequence[int], case: _Case) -> None:
    if tuple(other[:2]) != tuple(2 * length for length in one[:2]):
        raise Finding(f"{case.where}: a map of {tuple(one)} became {tuple(other)}, not twice the size.", _CHANGE)


def _compare_rows(small: Any, large: Any, case: _Case, apart: Callable[[float], Any]) -> _Count:
    """Compare what was found in both pictures.

    Args:
        small: n things found in the picture.
        large: m things found in twice the picture.
        case: what is compared.
        apart: returns (n, m) distances in pixels, after multiplying positions of the smaller picture by its argument.
    """
    things = len(small) + len(large)
    if not len(small) or not len(large):
        return _Count(things)
    other_class = to_numpy(small.class_id)[:, None] != to_numpy(large.class_id)[None]
    twice, once = (np.where(other_class, np.inf, apart(factor)) for factor in (2.0, 1.0))
    again = sum(int((twice.min(axis=axis) <= case.pixels).sum()) for axis in (0, 1))
    known = np.isfinite(twice.min(axis=1))
    return _Count(things, again, float(twice.min(axis=1)[known].sum()), float(once.min(axis=1)[known].sum()))


def _mask_size(found: InstanceDetections) -> tuple[int, ...] | None:
    if found.mask is None:
        return None
    return found.mask.image_size if isinstance(found.mask, InstancesRLEMasks) else tuple(found.mask.shape[1:])


_COMPARISONS: Sequence[tuple[type, Callable[[Any, Any, _Case], _Count]]] = (
    (InstanceDetections, _compare_masks),
    (Detections, _compare_boxes),
    (KeyPoints, _compare_points),
    (SemanticSegmentationResult, _compare_segmentation),
    (_Map, _compare_maps),
)
