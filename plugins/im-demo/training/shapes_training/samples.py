"""Which pictures are used for what: training samples, held-out scenes, and the letterbox.

Every picture has its own generator, seeded with (seed, index). Training and held-out pictures use
different seeds, so no picture is in both.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from shapes_training.scenes import Scene, make_scene

INPUT_SIZE = 320
PADDING_VALUE = 114
SQUARE_SHARE, SMALL_SHARE = 0.5, 0.25
"""Shares of training pictures that are square, and that need padding but no shrinking."""
BLURRED_SHARE, JPEG_SHARE = 0.15, 0.25
TRAINING_SEED = 1
HELD_OUT_SEED = 90_001
HELD_OUT_SIZES = ((320, 320), (480, 360), (640, 480), (360, 640))
"""Width and height of the held-out pictures, taken in turn."""


def letterbox(picture: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], float, int, int]:
    """Fit a picture into the network's square input, keeping its proportions.

    Returns (320, 320, 3) uint8, the scale, and the padding at the left and the top in pixels.
    """
    height, width = picture.shape[:2]
    scale = min(INPUT_SIZE / width, INPUT_SIZE / height)
    new_width, new_height = int(width * scale), int(height * scale)
    left, top = (INPUT_SIZE - new_width) // 2, (INPUT_SIZE - new_height) // 2
    canvas = np.full((INPUT_SIZE, INPUT_SIZE, 3), PADDING_VALUE, dtype=np.uint8)
    resized = picture
    if (new_width, new_height) != (width, height):
        resized = np.asarray(cv2.resize(picture, (new_width, new_height)), dtype=np.uint8)
    canvas[top : top + new_height, left : left + new_width] = resized
    return canvas, scale, left, top


def _training_size(rng: np.random.Generator) -> tuple[int, int]:
    """Return width and height: half the pictures square, the others of any shape and size."""
    kind = rng.random()
    if kind < SQUARE_SHARE:
        return INPUT_SIZE, INPUT_SIZE
    # Larger pictures are shrunk by the letterbox, as real ones are.
    longest = INPUT_SIZE
    if kind >= SQUARE_SHARE + SMALL_SHARE:
        longest = int(rng.integers(INPUT_SIZE + 1, 3 * INPUT_SIZE))
    other = int(longest * rng.uniform(0.5, 1.0))
    wide = rng.random() < 0.5
    return (longest, other) if wide else (other, longest)


def _photograph(rng: np.random.Generator, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Sometimes blur the picture a little or send it through JPEG."""
    if rng.random() < BLURRED_SHARE:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.1)), np.uint8)
    if rng.random() < JPEG_SHARE:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))]
        _, coded = cv2.imencode(".jpg", picture, quality)
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def training_sample(index: int, seed: int = TRAINING_SEED) -> Scene:
    """Return training picture number `index`: (320, 320, 3), its boxes in those pixels."""
    rng = np.random.default_rng((seed, index))
    scene = make_scene(rng, *_training_size(rng))
    picture, scale, left, top = letterbox(_photograph(rng, scene.picture))
    shift = np.array([left, top, left, top], dtype=np.float32)
    return Scene(picture, scene.boxes * np.float32(scale) + shift, scene.class_ids)


def held_out_scene(index: int, seed: int = HELD_OUT_SEED) -> Scene:
    """Return held-out picture number `index`, at its own size (see `HELD_OUT_SIZES`)."""
    rng = np.random.default_rng((seed, index))
    return make_scene(rng, *HELD_OUT_SIZES[index % len(HELD_OUT_SIZES)])
