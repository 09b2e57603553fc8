"""Second, plain readings of networks' outputs, in float64 and loops: nothing of `im_yolo` or the core is used.

`conftest.py` hands this out as the fixture `references`. Boxes are in pixels of the network's input until `Placement`
brings them to the source image.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from attrs import frozen


@frozen
class Placement:
    """Where a letterbox of `size` x `size` has an image of `height` x `width`."""

    height: int
    width: int
    size: int

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the image in the letterbox."""
        ratio = min(self.size / self.width, self.size / self.height)
        width, height = int(self.width * ratio), int(self.height * ratio)
        return (self.size - width) // 2, (self.size - height) // 2, width, height

    def letterbox(self, image: Any) -> Any:
        """Return the network's input (1, 3, size, size) for an image (height, width, 3), blue-green-red."""
        left, top, width, height = self.inner
        canvas = np.full((self.size, self.size, 3), 114, np.uint8)
        canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height))
        return np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255

    def to_source(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return coordinates in the source image, clamped to it."""
        left, top, width, height = self.inner
        x, y = (x - left) * self.width / width, (y - top) * self.height / height
        return np.clip(x, 0, self.width), np.clip(y, 0, self.height)

    def restored(self, plane: Any) -> Any:
        """Return a map over the letterbox at the source image's size: first at that of the letterbox, then cut."""
        left, top, width, height = self.inner
        whole = cv2.resize(np.asarray(plane, np.float64), (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        inside = np.ascontiguousarray(whole[top : top + height, left : left + width])
        return cv2.resize(inside, (self.width, self.height), interpolation=cv2.INTER_LINEAR)

    def interpolated(self, plane: Any) -> Any:
        """Return a map's values at the pixels of the source image, from the cells that see any of it."""
        left, top, width, height = self.inner
        across = self._weights(left, width, self.width, plane.shape[1])
        return self._weights(top, height, self.height, len(plane)) @ np.asarray(plane, np.float64) @ across.T

    def _weights(self, start: int, inner: int, length: int, cells: int) -> Any:
        stride = self.size / cells
        places = ((np.arange(length) + 0.5) * inner / length + start) / stride - 0.5
        places = places.clip(math.floor(start / stride), math.ceil((start + inner) / stride) - 1)
        return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(cells)))


@frozen
class Row:
    """One box: left, top, right, bottom; score; class; extras."""

    box: Any
    score: float
    class_id: int
    extras: Any


def rows(layout: str, output: Any, classes: int, confidence: float) -> list[Row]:
    """Return the boxes of one image above the threshold, in the network's order; `output` is a list for "split"."""
    if layout == "split":
        boxes, scores = output
        output = np.concatenate([boxes, scores], axis=1)
    elif layout == "anchor-free":
        output = output.T
    found = []
    for line in np.asarray(output, np.float64):
        box, rest = line[:4], line[4:]
        if layout == "end-to-end":
            deciding, score, class_id, extras = rest[0], rest[0], int(rest[1]), rest[2:]
        else:
            objectness = [rest[0]] if layout == "objectness" else []
            rest = rest[len(objectness) :]
            class_id = int(rest[:classes].argmax())
            score, extras = rest[class_id], rest[classes:]
            deciding = objectness[0] if objectness else score
        if layout in ("anchor-free", "objectness"):
            x, y, w, h = box
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        if deciding > confidence:
            found.append(Row(box, score, class_id, extras))
    return found


def overlap(a: Any, b: Any) -> float:
    """Return the intersection over union of two boxes."""
    inside = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside
    return float(inside / union) if union > 0 else 0.0


def kept(found: list[Row], *, iou: float | None = None, most: int = 300) -> list[Row]:
    """Return the boxes best first, without those that overlap a better one of their class by more than `iou`."""
    best: list[Row] = []
    for row in sorted(found, key=lambda row: -row.score):  # stable
        rivals = [other for other in best if other.class_id == row.class_id]
        if iou is None or all(overlap(row.box, other.box) <= iou for other in rivals):
            best.append(row)
    return best[:most]


def source_boxes(found: list[Row], placement: Placement) -> Any:
    """Return (n, 4) in source pixels."""
    boxes = np.array([row.box for row in found]).reshape(-1, 4)
    (left, top), (right, bottom) = (placement.to_source(boxes[:, at], boxes[:, at + 1]) for at in (0, 2))
    return np.stack([left, top, right, bottom], axis=1)


def mask_values(found: list[Row], prototypes: Any, placement: Placement, *, smoothing: bool) -> Any:
    """Return (n, height, width): the value at every pixel of the source image, whatever the box."""
    maps = [np.tensordot(row.extras, np.asarray(prototypes, np.float64), 1) for row in found]
    maps = [1 / (1 + np.exp(-one)) if smoothing else one for one in maps]
    return np.array([placement.interpolated(one) for one in maps]).reshape(-1, placement.height, placement.width)


def key_points(row: Row, count: int, placement: Placement, lowest: float) -> Any:
    """Return (k, 3) x, y, confidence in source pixels; 0 where there is none."""
    points = row.extras.reshape(-1, 3).copy()
    points[:, 0], points[:, 1] = placement.to_source(points[:, 0], points[:, 1])
    points[(points[:, 2] < lowest) | (np.arange(len(points)) >= count)] = 0
    return points


def softmax(logits: Any) -> Any:
    """Return probabilities along the first axis."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def classes_of_pixels(logits: Any, placement: Placement, confidence: float, background: int) -> tuple[Any, Any]:
    """Return the class of every source pixel and its probability."""
    probabilities = softmax(np.stack([placement.restored(one) for one in logits]))
    ids = probabilities.argmax(axis=0)
    ids[probabilities.max(axis=0) < confidence] = background
    return ids, np.take_along_axis(probabilities, ids[None], axis=0)[0]
