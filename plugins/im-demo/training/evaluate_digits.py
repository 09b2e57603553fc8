"""Measure how many held-out digits are read right, through the public API of `inference_models`.

With `--bare` the ONNX file is run by hand instead; that needs neither `inference_models` nor a plugin, and should give
the same figures. Exits with 1 when the accuracy is below `--least`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from digits_training.bare import BareReader
from digits_training.data import CLASS_NAMES, load_digits
from digits_training.pictures import plain_picture, training_picture

PACKAGES = Path(__file__).resolve().parents[1] / "src" / "im_demo" / "packages" / "digits"
SIGN_SEED = 90_002
SIGN_SIDE = 96

Picture = npt.NDArray[np.uint8]
Read = Callable[[Picture], int]
"""From a (h, w, 3) uint8 BGR picture to the digit."""


def product_reader(model_id: str, backend: str | None) -> Read:
    """Return a reader that goes the way users go."""
    # Imported here, so that `--bare` works where the product is not installed.
    from inference_models import AutoModel

    model: Any = AutoModel.from_pretrained(model_id, backend=backend)
    return lambda picture: int(model(picture).names[0])


def plain_pictures(ink: npt.NDArray[np.float32]) -> list[Picture]:
    """Return the digits in dark ink on light paper."""
    return [plain_picture(one) for one in ink]


def signs(ink: npt.NDArray[np.float32]) -> list[Picture]:
    """Return the digits in all colours, places and surroundings of training."""
    return [
        training_picture(np.random.default_rng((SIGN_SEED, index)), one, SIGN_SIDE) for index, one in enumerate(ink)
    ]


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo://digits")
    parser.add_argument("--backend", help="for example onnx or torch (default: the best)")
    parser.add_argument("--bare", action="store_true", help="run the ONNX file by hand")
    parser.add_argument("--weights", type=Path, default=PACKAGES / "onnx-fp32" / "weights.onnx")
    parser.add_argument("--least", type=float, default=0.97, help="the least accuracy on plain pictures")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    _, held_out = load_digits()
    read = BareReader(arguments.weights) if arguments.bare else product_reader(arguments.model, arguments.backend)
    begun = time.monotonic()
    accuracies = []
    print(f"held-out digits  {len(held_out)}")
    for name, draw in (("plain", plain_pictures), ("as in training", signs)):
        found = np.array([read(picture) for picture in draw(held_out.ink)])
        right = found == held_out.labels
        accuracies.append(float(right.mean()))
        print(f"accuracy         {accuracies[-1]:.4f}  {name}, {int((~right).sum())} wrong")
        by_class = [f"{CLASS_NAMES[digit]}: {right[held_out.labels == digit].mean():.2f}" for digit in range(10)]
        print(f"                 {'  '.join(by_class)}")
    print(f"time             {time.monotonic() - begun:.1f} s, drawing included")
    return 0 if accuracies[0] >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
