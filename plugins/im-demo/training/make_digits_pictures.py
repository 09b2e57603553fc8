"""Draw the pictures `digit.jpg`, one held-out digit, and `signs.jpg`, held-out digits on shapes (for a pipeline)."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from digits_training.data import Digits, load_digits
from digits_training.pictures import Pose, blend, contrasting_colour, coverage, plain_picture
from shapes_training import backgrounds
from shapes_training.outlines import OUTLINES, place

PICTURES = Path(__file__).resolve().parents[1] / "src" / "im_demo" / "pictures"
DIGIT_INDEX = 30
SIGNS_SEED, SIGNS_INDEX = 70_002, 23
WIDTH, HEIGHT = 960, 640
COLUMNS, ROWS = 3, 2
RADIUS = (60.0, 76.0)
# Small and of the sign's own hue: the detector has never seen anything on a shape.
DIGIT_SIZE, INK_SHADE, LEAST_LIGHT = 0.85, 0.62, 150.0
OUTLINE_NAMES = ("circle", "hexagon")
QUALITY = 90


def signs(digits: Digits, index: int) -> tuple[npt.NDArray[np.uint8], list[tuple[str, int]]]:
    """Return a (640, 960, 3) BGR picture with six signs, and the outline and digit of each, row by row."""
    rng = np.random.default_rng((SIGNS_SEED, index))
    canvas = backgrounds.paint(rng, WIDTH, HEIGHT, "blobs")
    drawn = []
    for number in range(COLUMNS * ROWS):
        row, column = divmod(number, COLUMNS)
        x = (column + 0.5) * WIDTH / COLUMNS + rng.uniform(-25, 25)
        y = (row + 0.5) * HEIGHT / ROWS + rng.uniform(-25, 25)
        outline, radius = OUTLINE_NAMES[number % len(OUTLINE_NAMES)], rng.uniform(*RADIUS)
        points = place(OUTLINES[outline], (x, y), radius, float(rng.uniform(0, 2 * np.pi)))
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
        colour = _light_colour(rng, canvas[mask > 0].mean(axis=0))
        blend(canvas, mask.astype(np.float32) / np.float32(255), colour)
        which = int(rng.integers(0, len(digits)))
        pose = Pose((x, y), radius * DIGIT_SIZE, rng.normal(0, 4))
        blend(canvas, coverage(digits.ink[which], pose, WIDTH, HEIGHT), colour * np.float32(INK_SHADE))
        drawn.append((outline, int(digits.labels[which])))
    return np.clip(np.round(canvas), 0, 255).astype(np.uint8), drawn


def _light_colour(rng: np.random.Generator, beneath: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a colour that stands out and is light enough for darker ink to be read on it."""
    while True:
        colour = contrasting_colour(rng, beneath)
        if colour.mean() > LEAST_LIGHT:
            return colour


def main() -> None:
    """Draw, write, and say what is in the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PICTURES)
    parser.add_argument("--index", type=int, default=SIGNS_INDEX, help="of the signs")
    arguments = parser.parse_args()
    _, held_out = load_digits()
    picture, drawn = signs(held_out, arguments.index)
    one = plain_picture(held_out.ink[DIGIT_INDEX], 240)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, content in (("digit", one), ("signs", picture)):
        path = arguments.output / f"{name}.jpg"
        cv2.imwrite(str(path), content, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        print(f"{path.name}: {path.stat().st_size} bytes")
    print(f"digit: {held_out.labels[DIGIT_INDEX]}")
    print("signs: " + ", ".join(f"{digit} on a {outline}" for outline, digit in drawn))


if __name__ == "__main__":
    main()
