"""Measure mAP50 and mAP50-95 on held-out pictures, through the public API of `inference_models`.

With `--bare` the ONNX file is run by hand instead; that needs neither `inference_models` nor a
plugin, and should give the same figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from shapes_training.average_precision import AveragePrecision, Figures
from shapes_training.bare import BareDetector
from shapes_training.outlines import CLASS_NAMES
from shapes_training.samples import HELD_OUT_SEED, held_out_scene

PACKAGES = Path(__file__).resolve().parents[1] / "src" / "im_demo" / "packages" / "shapes"
CONFIDENCE, IOU_THRESHOLD, MAX_DETECTIONS = 0.001, 0.6, 300

Detect = Callable[[npt.NDArray[np.uint8]], Any]
"""From a (h, w, 3) uint8 BGR picture to an object with `xyxy`, `class_id` and `confidence`."""


def bare_detector(weights: Path) -> Detect:
    """Return a detector that uses onnxruntime directly."""
    detector = BareDetector(weights)
    return lambda picture: detector(picture, CONFIDENCE, IOU_THRESHOLD, MAX_DETECTIONS)


def product_detector(model_id: str, backend: str | None) -> Detect:
    """Return a detector that goes the way users go."""
    # Imported here, so that `--bare` works where the product is not installed.
    from inference_models import AutoModel

    model: Any = AutoModel.from_pretrained(model_id, backend=backend)

    def detect(picture: npt.NDArray[np.uint8]) -> Any:
        return model(
            [picture],
            confidence=CONFIDENCE,
            iou_threshold=IOU_THRESHOLD,
            max_detections=MAX_DETECTIONS,
        )[0]

    return detect


def measure(detect: Detect, pictures: int, seed: int) -> Figures:
    """Run the detector over held-out pictures 0 to `pictures - 1`."""
    metric = AveragePrecision()
    for index in range(pictures):
        scene = held_out_scene(index, seed)
        found = detect(scene.picture)
        metric.add(found.xyxy, found.class_id, found.confidence, scene.boxes, scene.class_ids)
    return metric.compute()


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED)
    parser.add_argument("--model", default="demo://shapes")
    parser.add_argument("--backend", help="for example onnx or torch-script (default: the best)")
    parser.add_argument("--bare", action="store_true", help="run the ONNX file by hand")
    parser.add_argument("--weights", type=Path, default=PACKAGES / "onnx-fp32" / "weights.onnx")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.bare:
        detect = bare_detector(arguments.weights)
    else:
        detect = product_detector(arguments.model, arguments.backend)
    begun = time.monotonic()
    figures = measure(detect, arguments.pictures, arguments.seed)
    print(f"pictures  {arguments.pictures} (seed {arguments.seed})")
    print(f"mAP50     {figures.map50:.4f}")
    print(f"mAP50-95  {figures.map50_95:.4f}")
    for class_id, value in figures.ap50_by_class.items():
        print(f"  AP50 {CLASS_NAMES[class_id]:<9}{value:.4f}")
    print(f"time      {time.monotonic() - begun:.1f} s, drawing included")


if __name__ == "__main__":
    main()
