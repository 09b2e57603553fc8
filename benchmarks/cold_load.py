"""From nothing to a loaded model, and to the first prediction: fresh processes, against a bare onnxruntime script.

The ratio in time is that of the whole process, from starting the interpreter to its end.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import bare
from harness import Child, Row, alternate_children, compare, print_table
from models import benchmark_picture, build_yolov8n_package

ROUNDS = 11

LOAD = """
from inference_models import AutoModel
model = AutoModel.from_pretrained({package!r})
"""
PREDICT = """
import cv2
found = model(cv2.imread({image!r}), confidence={confidence}, iou_threshold={iou_threshold})[0]
result = [len(found), float(found.confidence.sum()), float(found.xyxy.mean())]
"""


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return the rows: time and peak memory to the loaded model, then to the first prediction."""
    with tempfile.TemporaryDirectory() as directory:
        package = Path(build_yolov8n_package(Path(directory) / "yolov8n"))
        image = write_picture(Path(directory))
        load = LOAD.format(package=str(package))
        predict = PREDICT.format(image=str(image), confidence=bare.CONFIDENCE, iou_threshold=bare.IOU_THRESHOLD)
        bare_load = bare.load_source(package / "weights.onnx")
        loaded = alternate_children(load, bare_load, rounds)
        predicted = alternate_children(load + predict, bare_load + bare.predict_source(image), rounds)
    check_equal(*predicted)
    return [
        _wall("cold process to a loaded model / bare script", loaded, 2.0),
        _peak("... peak memory", loaded, 1.5),
        _wall("cold process to the first prediction / bare script", predicted, 1.6),
        _peak("... peak memory", predicted, 1.5),
    ]


def write_picture(directory: Path) -> Path:
    """Write the benchmark picture, 1080x1920, as a JPEG and return its path."""
    import cv2

    path = directory / "picture.jpg"
    cv2.imwrite(str(path), benchmark_picture(1080, 1920))
    return path


def check_equal(ours: list[Child], floor: list[Child]) -> None:
    """Exit with an error unless both sides found the same in the picture: else they did not do the same work."""
    one, other = ours[0].result, floor[0].result
    if one[0] != other[0] or any(abs(a - b) > 1e-3 * max(1.0, abs(b)) for a, b in zip(one, other, strict=True)):
        raise SystemExit(f"cold_load: the library found {one}, the bare script {other} (count, confidences, boxes)")


def _wall(name: str, children: tuple[list[Child], list[Child]], target: float) -> Row:
    ours, floor = ([child.wall for child in side] for side in children)
    return compare(name, ours, floor, "ms", target)


def _peak(name: str, children: tuple[list[Child], list[Child]], target: float) -> Row:
    ours, floor = ([float(child.peak) for child in side] for side in children)
    return compare(name, ours, floor, "MiB", target)


def main() -> None:
    print_table(measure())


if __name__ == "__main__":
    main()
