"""Draw the demo picture, `shapes.jpg`: 960x640, with a seed of its own (in no training picture)."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from shapes_training.outlines import CLASS_NAMES
from shapes_training.scenes import make_scene

PICTURE = Path(__file__).resolve().parents[1] / "src" / "im_demo" / "pictures" / "shapes.jpg"
PICTURE_SEED = 70_001
PICTURE_INDEX = 71
WIDTH, HEIGHT = 960, 640
BACKGROUND = "blobs"
SHAPES = (11, 12)
QUALITY = 90


def main() -> None:
    """Draw, write, and say what is in the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PICTURE)
    parser.add_argument("--index", type=int, default=PICTURE_INDEX)
    parser.add_argument("--background", default=BACKGROUND)
    arguments = parser.parse_args()
    rng = np.random.default_rng((PICTURE_SEED, arguments.index))
    scene = make_scene(rng, WIDTH, HEIGHT, arguments.background, SHAPES)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.output), scene.picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{arguments.output.name}: {arguments.output.stat().st_size} bytes")
    for box, class_id in zip(scene.boxes.astype(int).tolist(), scene.class_ids, strict=True):
        print(f"  {CLASS_NAMES[class_id]:<9}{box}")


if __name__ == "__main__":
    main()
