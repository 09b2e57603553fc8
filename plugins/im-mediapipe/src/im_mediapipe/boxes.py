"""What detectors of objects and of faces share: boxes from MediaPipe's results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from im_mediapipe.frames import Frame

Floats = npt.NDArray[np.float32]


def boxes_of(detections: Sequence[Any], frame: Frame) -> Floats:
    """Return (n, 4) left, top, right, bottom in pixels of the image, clamped to it. MediaPipe rounds them."""
    corners = np.array(
        [
            (box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height)
            for box in (detection.bounding_box for detection in detections)
        ],
        np.float32,
    ).reshape(-1, 4)
    size = np.array([frame.width, frame.height] * 2, np.float32)
    clamped: Floats = np.clip(corners, 0, size)
    return clamped


def scores_of(detections: Sequence[Any]) -> Floats:
    """Return (n,) scores."""
    return np.array([detection.categories[0].score for detection in detections], np.float32)


def by_score(detections: Sequence[Any], most: int) -> list[Any]:
    """Return the `most` best of MediaPipe's detections, best first."""
    return sorted(detections, key=lambda detection: -float(detection.categories[0].score))[:most]
