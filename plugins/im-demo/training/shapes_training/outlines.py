"""Outlines of the shapes, as polygons inscribed in the unit circle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(n, 2) float64: x, y of a polygon's corners."""

CIRCLE_CORNERS = 72
STAR_INNER_RADIUS = 0.45
CROSS_HALF_ARM = 0.34


def _regular(corners: int) -> Points:
    angles = 2.0 * np.pi * np.arange(corners) / corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star(tips: int = 5) -> Points:
    points = _regular(2 * tips)
    points[1::2] *= STAR_INNER_RADIUS
    return points


def _cross() -> Points:
    half = CROSS_HALF_ARM
    # The arm's end touches the unit circle with its two corners.
    reach = float(np.sqrt(1.0 - half * half))
    quarter = np.array([[reach, -half], [reach, half], [half, half]])
    turns = [np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), k) for k in range(4)]
    return np.concatenate([quarter @ turn for turn in turns])


OUTLINES: dict[str, Points] = {
    "circle": _regular(CIRCLE_CORNERS),
    "square": _regular(4),
    "triangle": _regular(3),
    "star": _star(),
    "hexagon": _regular(6),
    "cross": _cross(),
}

CLASS_NAMES: tuple[str, ...] = tuple(OUTLINES)
"""Class names; a class id is the position in this tuple."""


def place(outline: Points, centre: tuple[float, float], radius: float, angle: float) -> Points:
    """Return `outline` with `radius` in pixels, turned by `angle` radians and put at `centre`."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    placed: Points = outline @ turn * radius + np.asarray(centre)
    return placed
