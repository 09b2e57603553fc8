"""Pictures of digits: one alone on paper, one on a sign as the network sees it in training, and a scene of signs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from shapes_training import backgrounds
from shapes_training.outlines import OUTLINES, place

Canvas = npt.NDArray[np.float32]
"""(height, width, 3) float32, BGR, 0..255."""
Ink = npt.NDArray[np.float32]
"""(8, 8) float32, 0..1."""

CELLS = 8
LEAST_CONTRAST = 60.0
"""Least difference in brightness (0..255) between ink and what is under it."""
SIGN_SHARE = 0.5
"""Share of training pictures in which the digit stands on a shape, which stands on a background."""
BLURRED_SHARE = 0.2
_BRIGHTNESS = np.array([0.114, 0.587, 0.299], np.float32)


@dataclass(frozen=True)
class Pose:
    """Where a digit is drawn.

    Attributes:
        centre: x, y in pixels.
        size: side of the square that holds it, in pixels.
        angle: it is turned by, in degrees.
        stretch: width by height of that square.
        weight: how thick the strokes are; 0 is as written, more is thicker.
    """

    centre: tuple[float, float]
    size: float
    angle: float = 0.0
    stretch: float = 1.0
    weight: float = 0.0


def coverage(ink: Ink, pose: Pose, width: int, height: int) -> npt.NDArray[np.float32]:
    """Return how far each pixel of a (height, width) picture is covered by the digit, 0..1."""
    # Smooth first: warping 8 x 8 cells as they are would show them as steps.
    factor = 8
    padded = np.pad(ink, 1)
    smooth = cv2.resize(padded, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    strokes = np.clip((smooth - 0.35 + pose.weight) / 0.3, 0.0, 1.0)
    scale = pose.size / (CELLS * factor)
    turned = cv2.getRotationMatrix2D((0.0, 0.0), pose.angle, 1.0)[:, :2] @ np.diag([scale * pose.stretch, scale])
    middle = np.array([strokes.shape[1], strokes.shape[0]], np.float64) / 2
    matrix = np.column_stack([turned, np.asarray(pose.centre) - turned @ middle])
    # Shrinking looks at a pixel in several; INTER_AREA is not for warping, so blur what would be lost.
    if scale < 0.5:
        strokes = cv2.GaussianBlur(strokes, (0, 0), 0.4 / scale)
    warped = cv2.warpAffine(strokes, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32)


def blend(canvas: Canvas, weight: npt.NDArray[np.float32], colour: npt.NDArray[np.float32]) -> None:
    """Paint a colour over the canvas where the (h, w) weight is more than 0."""
    canvas += weight[..., None] * (colour - canvas)


def contrasting_colour(rng: np.random.Generator, beneath: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a colour that is brighter or darker than a colour by at least `LEAST_CONTRAST`."""
    brightness = float(beneath @ _BRIGHTNESS)
    while True:
        colour = rng.uniform(0.0, 255.0, 3).astype(np.float32)
        if abs(float(colour @ _BRIGHTNESS) - brightness) >= LEAST_CONTRAST:
            return colour


def plain_picture(ink: Ink, side: int = 160) -> npt.NDArray[np.uint8]:
    """Return (side, side, 3) uint8 BGR: the digit in dark ink on light paper, as it was written."""
    canvas = np.full((side, side, 3), (228, 240, 244), np.float32)
    pose = Pose((side / 2, side / 2), side * 0.8)
    blend(canvas, coverage(ink, pose, side, side), np.array((92, 46, 38), np.float32))
    return np.round(canvas).astype(np.uint8)


def training_picture(rng: np.random.Generator, ink: Ink, side: int) -> npt.NDArray[np.uint8]:
    """Return (side, side, 3) uint8 BGR: the digit somewhere near the middle, in any colours, on paper or on a sign."""
    on_sign = rng.random() < SIGN_SHARE
    canvas = backgrounds.paint(rng, side, side) if on_sign else np.zeros((side, side, 3), np.float32)
    if on_sign:
        beneath = rng.uniform(0.0, 255.0, 3).astype(np.float32)
        blend(canvas, _sign(rng, side), beneath)
    else:
        beneath = rng.uniform(0.0, 255.0, 3).astype(np.float32)
        canvas += beneath + rng.uniform(-12, 12, 3).astype(np.float32) * np.linspace(-1, 1, side)[:, None, None]
    size = side * (rng.uniform(0.4, 0.75) if on_sign else rng.uniform(0.55, 1.0))
    reach = max(side - size, 0.0) * (0.2 if on_sign else 0.4)
    x, y = side / 2 + rng.uniform(-reach, reach, 2)
    pose = Pose((x, y), size, rng.normal(0, 7), float(np.exp(rng.normal(0, 0.1))), rng.uniform(-0.1, 0.08))
    blend(canvas, coverage(ink, pose, side, side), contrasting_colour(rng, beneath))
    if rng.random() < BLURRED_SHARE:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.2)), np.float32)
    canvas += rng.standard_normal((side, side, 1), np.float32) * np.float32(rng.uniform(0, 6))
    return np.clip(np.round(canvas), 0, 255).astype(np.uint8)


def _sign(rng: np.random.Generator, side: int) -> npt.NDArray[np.float32]:
    """Return the (side, side) coverage, 0..1, of a shape that fills most of the picture."""
    outline = OUTLINES[str(rng.choice(["circle", "square", "hexagon"]))]
    points = place(outline, (side / 2, side / 2), 1.0, float(rng.uniform(0, 2 * np.pi))) - side / 2
    # As a detector crops it: its box is the picture, give or take a little.
    low, high = points.min(axis=0), points.max(axis=0)
    fitted = (points - low) / (high - low) * side * rng.uniform(0.85, 1.1) + rng.uniform(-0.06, 0.06, 2) * side
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(fitted * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    return mask.astype(np.float32) / np.float32(255)
