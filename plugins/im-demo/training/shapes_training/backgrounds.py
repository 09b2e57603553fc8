"""Backgrounds of the pictures: gradients, noise, stripes, checks and blurred blobs.

Every painter takes a generator and a size, and returns (height, width, 3) float32, BGR, 0..255.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.float32]
Painter = Callable[[np.random.Generator, int, int], Canvas]

SECOND_COLOUR_REACH = 70.0


def _colour(rng: np.random.Generator) -> Canvas:
    return rng.uniform(15.0, 240.0, 3).astype(np.float32)


def _colour_near(rng: np.random.Generator, colour: Canvas) -> Canvas:
    # A limited step, so that a pattern never outshines the shapes drawn over it.
    step = rng.uniform(-SECOND_COLOUR_REACH, SECOND_COLOUR_REACH, 3)
    return np.clip(colour + step, 0.0, 255.0).astype(np.float32)


def _projection(width: int, height: int, angle: float) -> Canvas:
    """Return (height, width) distances in pixels along the direction `angle` (radians)."""
    x = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle))
    y = np.arange(height, dtype=np.float32) * np.float32(np.sin(angle))
    return y[:, None] + x[None, :]


def _mix(weight: Canvas, first: Canvas, second: Canvas) -> Canvas:
    """Return (h, w, 3): `first` where the (h, w) `weight` is 0, `second` where it is 1."""
    mixed: Canvas = first + weight[..., None] * (second - first)
    return mixed


def gradient(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Paint a linear gradient between two colours."""
    along = _projection(width, height, rng.uniform(0.0, 2.0 * np.pi))
    along -= along.min()
    return _mix(along / max(float(along.max()), 1.0), _colour(rng), _colour(rng))


def noise(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Paint soft clouds of colour with grain on top."""
    cells = int(rng.integers(3, 14))
    coarse = rng.uniform(-45.0, 45.0, (cells, cells, 3)).astype(np.float32)
    clouds = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    strength = np.float32(rng.uniform(0.02, 0.25))
    painted: Canvas = _colour(rng) + clouds + (grain.astype(np.float32) - 127.5) * strength
    return painted


def stripes(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Paint parallel stripes of two colours."""
    period = max(width, height) * rng.uniform(0.02, 0.12)
    along = _projection(width, height, rng.uniform(0.0, np.pi))
    first = _colour(rng)
    return _mix(np.floor(along / period) % 2.0, first, _colour_near(rng, first))


def checks(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Paint a turned check pattern of two colours."""
    period = max(width, height) * rng.uniform(0.025, 0.1)
    angle = rng.uniform(0.0, np.pi)
    one = np.floor(_projection(width, height, angle) / period)
    other = np.floor(_projection(width, height, angle + np.pi / 2.0) / period)
    first = _colour(rng)
    return _mix((one + other) % 2.0, first, _colour_near(rng, first))


def blobs(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Paint out-of-focus spots of light over a gradient."""
    # Blurring a quarter of the size is as good to the eye and far cheaper.
    small_width, small_height = max(width // 4, 8), max(height // 4, 8)
    canvas = gradient(rng, small_width, small_height)
    longest = max(small_width, small_height)
    for _ in range(int(rng.integers(4, 11))):
        centre = (int(rng.integers(0, small_width)), int(rng.integers(0, small_height)))
        radius = int(longest * rng.uniform(0.06, 0.25))
        cv2.circle(canvas, centre, radius, _colour(rng).tolist(), thickness=-1)
    blurred = cv2.GaussianBlur(canvas, (0, 0), longest * rng.uniform(0.03, 0.08))
    return np.asarray(cv2.resize(blurred, (width, height)), dtype=np.float32)


PAINTERS: dict[str, Painter] = {
    "gradient": gradient,
    "noise": noise,
    "stripes": stripes,
    "checks": checks,
    "blobs": blobs,
}


def paint(rng: np.random.Generator, width: int, height: int, kind: str | None = None) -> Canvas:
    """Paint a background of the given kind, or of a random one."""
    chosen = kind if kind is not None else str(rng.choice(list(PAINTERS)))
    return np.clip(PAINTERS[chosen](rng, width, height), 0.0, 255.0).astype(np.float32)
