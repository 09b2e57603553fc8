"""What a user writes without this library: onnxruntime, OpenCV and numpy by hand. The floor of the load benchmarks.

Pieces of source for fresh processes, and the same session for this one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from im_backend_onnx.threads import choose_threads

SIZE = 640
CONFIDENCE = 0.4
IOU_THRESHOLD = 0.3
MAX_DETECTIONS = 300

_LOAD = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = {threads}
options.log_severity_level = 3
session = onnxruntime.InferenceSession({weights!r}, options, providers=["CPUExecutionProvider"])
"""

_PREDICT = """
import cv2
import numpy as np
image = cv2.imread({image!r})
height, width = image.shape[:2]
scale = min({size} / height, {size} / width)
new_height, new_width = round(height * scale), round(width * scale)
top, left = ({size} - new_height) // 2, ({size} - new_width) // 2
canvas = np.full(({size}, {size}, 3), 114, np.uint8)
canvas[top:top + new_height, left:left + new_width] = cv2.resize(image, (new_width, new_height))
batch = (canvas[..., ::-1].transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
output = session.run(None, {{session.get_inputs()[0].name: batch}})[0][0]
scores = output[4:].max(axis=0)
candidates = np.flatnonzero(scores > {confidence})
scores = scores[candidates]
boxes = output[:4, candidates].T.copy()
classes = output[4:, candidates].argmax(axis=0)
boxes[:, :2] -= boxes[:, 2:] / 2
kept = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, {confidence}, {iou_threshold})
kept = np.asarray(kept, dtype=np.intp)[:{max_detections}]
boxes = boxes[kept]
boxes[:, 2:] += boxes[:, :2]
boxes = ((boxes - [left, top, left, top]) / scale).clip(0, [width, height, width, height])
confidences, classes = scores[kept], classes[kept]
result = [len(boxes), float(confidences.sum()), float(boxes.mean())]
"""


def load_source(weights: Path) -> str:
    """Return source that opens an ONNX file as `session`."""
    return _LOAD.format(weights=str(weights), threads=choose_threads(None))


def predict_source(image: Path) -> str:
    """Return source that runs `session` on a picture and leaves what was found in `result`."""
    return _PREDICT.format(
        image=str(image),
        size=SIZE,
        confidence=CONFIDENCE,
        iou_threshold=IOU_THRESHOLD,
        max_detections=MAX_DETECTIONS,
    )


def session_opener(weights: Path) -> Callable[[], Any]:
    """Return a function that opens an ONNX file as `load_source` does, and does nothing else."""
    code = compile(load_source(weights), "<bare>", "exec")

    def open_session() -> Any:
        variables: dict[str, Any] = {}
        exec(code, variables)
        return variables["session"]

    return open_session
