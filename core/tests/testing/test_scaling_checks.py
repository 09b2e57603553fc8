"""Positions, masks and maps of each prediction type must grow with the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from inference_models import Detections, InstanceDetections, InstancesRLEMasks, KeyPoints, SemanticSegmentationResult
from inference_models.testing.checks.findings import Finding, NotChecked
from inference_models.testing.checks.images import Picture, draw
from inference_models.testing.checks.scaling import check_scaling
from inference_models.testing.checks.subject import ModelSubject

F32 = np.float32
SHARES = np.array([[0.1, 0.2, 0.5, 0.6], [0.3, 0.3, 0.9, 0.8]], F32)
POINTS = np.array([[[0.1, 0.2], [0.5, 0.6], [0, 0]], [[0.4, 0.2], [0.9, 0.9], [0.3, 0.3]]], F32)
SEEN = np.array([[0.9, 0.8, 0], [0.9, 0.8, 0.7]], F32)
IDS, SURE = np.array([0, 1], np.int32), np.ones(2, F32)


def size(image: Picture, repeats: int = 1) -> Any:
    height, width = image.shape[:2]
    return np.array([width, height] * repeats, F32)


def boxes(image: Picture) -> Detections:
    return Detections(SHARES * size(image, 2), IDS, SURE)


def masks(image: Picture) -> Any:
    return np.ones((2, *image.shape[:2]), bool)


def instances(image: Picture, mask: Any) -> InstanceDetections:
    return InstanceDetections(SHARES * size(image, 2), IDS, SURE, mask)


def points(image: Picture, xy: Any = None, seen: Any = SEEN) -> KeyPoints:
    return KeyPoints(POINTS * size(image) if xy is None else xy, IDS, seen)


def growing(image: Picture) -> KeyPoints:
    """Return a point more in larger pictures."""
    count = 1 + (len(image) > 70)
    return points(image, POINTS[:, :count], SEEN[:, :count])


def pixels(image: Picture) -> SemanticSegmentationResult:
    bright = (image.max(axis=2) > 128).astype(np.int64)
    return SemanticSegmentationResult(bright, np.ones(bright.shape, F32))


def noise(image: Picture) -> SemanticSegmentationResult:
    ids = np.random.default_rng(len(image)).integers(0, 5, image.shape[:2])
    return SemanticSegmentationResult(ids, np.ones(ids.shape, F32))


class Saying:
    """Says of each image what a function does."""

    def __init__(self, say: Callable[[Picture], Any]) -> None:
        self.say = say

    def infer(self, image: Picture) -> list[Any]:
        return [self.say(image)]


def check(say: Callable[[Picture], Any]) -> None:
    check_scaling(ModelSubject(model=Saying(say), images=(draw(40, 60, 0), draw(50, 30, 1))))


GOOD: dict[str, Callable[[Picture], Any]] = {
    "boxes": boxes,
    "boxes in another order": lambda image: boxes(image)[[1, 0] if len(image) > 50 else [0, 1]],
    "dense masks": lambda image: instances(image, masks(image)),
    "run lengths": lambda image: instances(image, InstancesRLEMasks.from_dense(masks(image))),
    "no masks": lambda image: instances(image, None),
    "key points": points,
    "key points and boxes": lambda image: (points(image), boxes(image)),
    "key points alone": lambda image: (points(image), None),
    "a point that one picture hides": lambda image: points(image, seen=SEEN if len(image) > 50 else SEEN[::-1]),
    "classes of pixels": pixels,
    "depth": lambda image: image.mean(axis=2, dtype=F32),
    "parts": lambda image: ["a text", boxes(image)],
}


@pytest.mark.parametrize("say", GOOD.values(), ids=list(GOOD))
def test_what_grows(say: Callable[[Picture], Any]) -> None:
    check(say)


BAD: dict[str, tuple[Callable[[Picture], Any], str]] = {
    "shares of the picture": (lambda image: Detections(SHARES, IDS, SURE), "stay where they are"),
    "pixels of the network": (lambda image: Detections(SHARES * 64, IDS, SURE), "0% have their like"),
    "other classes": (lambda image: Detections(SHARES * size(image, 2), IDS + len(image), SURE), "0% have their like"),
    "nothing in larger ones": (lambda image: boxes(image)[: 2 * (len(image) < 70)], "0% have their like"),
    "masks of the network": (lambda image: instances(image, np.ones((2, 16, 16), bool)), r"masks of \(16, 16\)"),
    "points of the network": (lambda image: points(image, POINTS * 64), "0% have their like"),
    "more points": (growing, "1 points of each instance became 2"),
    "a map of the network": (lambda image: np.ones((16, 16), F32), r"a map of \(16, 16\) became \(16, 16\)"),
    "other classes of pixels": (noise, "of the pixels have another class"),
}


@pytest.mark.parametrize(("say", "what"), BAD.values(), ids=list(BAD))
def test_what_does_not_grow(say: Callable[[Picture], Any], what: str) -> None:
    with pytest.raises(Finding, match=what) as caught:
        check(say)
    assert "rescale_boxes" in caught.value.change


def test_nothing_says_nothing_about_positions() -> None:
    with pytest.raises(NotChecked, match="nothing was found"):
        check(lambda image: boxes(image)[:0])


@pytest.mark.parametrize("said", ["a cat", np.ones(8, F32)], ids=["a text", "a vector"])
def test_what_holds_no_positions(said: Any) -> None:
    with pytest.raises(NotChecked, match="hold no positions"):
        check(lambda _: said)
