"""Pictures for checks: drawn from a seed, with neither OpenCV nor files."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_models.testing.checks.findings import NotChecked

Picture = npt.NDArray[np.uint8]
"""(height, width, 3) uint8, blue-green-red."""

SIZES = ((240, 320), (320, 200), (97, 131))
"""Heights and widths of the pictures that models are checked with: lying, standing, small with odd numbers."""


def default_images() -> tuple[Picture, ...]:
    """Return a picture of each of `SIZES`, always the same."""
    return tuple(draw(height, width, seed) for seed, (height, width) in enumerate(SIZES))


def draw(height: int, width: int, seed: int) -> Picture:
    """Return a picture with slowly changing colours, and sharp rectangles and ellipses on them.

    Args:
        height: in pixels.
        width: in pixels.
        seed: another number gives another picture.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    down, right = (y + 0.5) / height, (x + 0.5) / width
    canvas = np.empty((height, width, 3))
    for channel in range(3):
        waves, phase = rng.uniform(0.5, 2.5, 2), rng.uniform(0, 2 * np.pi)
        canvas[..., channel] = 128 + 70 * np.sin(2 * np.pi * (waves[0] * down + waves[1] * right) + phase)
    for number in range(10):
        centre, radius = rng.uniform(0.1, 0.9, 2), rng.uniform(0.05, 0.2, 2)
        distance_y, distance_x = np.abs(down - centre[0]) / radius[0], np.abs(right - centre[1]) / radius[1]
        ellipse = distance_y**2 + distance_x**2 < 1
        canvas[ellipse if number % 2 else np.maximum(distance_y, distance_x) < 1] = rng.integers(0, 256, 3)
    return canvas.round().astype(np.uint8)


def doubled(image: Picture) -> Picture:
    """Return the picture at twice the size: each pixel becomes four, so that x becomes exactly 2x."""
    return image.repeat(2, axis=0).repeat(2, axis=1)


def as_tensors(image: Picture) -> dict[str, Any]:
    """Return the picture as torch programs hold it, (3, height, width) in red, green, blue; by what it is.

    As uint8, as floats in 0 to 1, and where torch sees a CUDA device on that, too.

    Raises:
        NotChecked: torch is not installed.
    """
    torch = _torch()
    pixels = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    tensors = {"uint8": pixels, "float32 in 0 to 1": pixels.float() / 255}
    if torch.cuda.is_available():
        tensors["uint8 on a GPU"] = pixels.to("cuda")
    return tensors


def _torch() -> Any:
    try:
        __import__("torch")
    except ImportError:
        raise NotChecked("torch is not installed, so there are no tensors to give the model") from None
    return sys.modules["torch"]
