"""The exported ONNX file run by hand: onnxruntime, cv2 and numpy, nothing of `inference_models`.

An independent check of the product: both ways should give the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from shapes_training.samples import letterbox


@dataclass(frozen=True)
class Found:
    """Detections of one picture, most confident first.

    Attributes:
        xyxy: (n, 4) float32, pixels of the source picture.
        class_id: (n,) int64.
        confidence: (n,) float32, 0..1.
    """

    xyxy: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32]


class BareDetector:
    """Letterbox, session, decoding and per-class suppression, one picture at a time."""

    def __init__(self, weights: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])

    def __call__(
        self,
        picture: npt.NDArray[np.uint8],
        confidence: float,
        iou_threshold: float,
        max_detections: int,
    ) -> Found:
        """Detect in a (h, w, 3) uint8 BGR picture."""
        boxed, scale, left, top = letterbox(picture)
        tensor = boxed[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255.0)
        raw = np.asarray(self._session.run(["output0"], {"images": tensor})[0])[0]
        classes = raw[4:].argmax(axis=0)
        scores = raw[4:].max(axis=0)
        kept = np.flatnonzero(scores > confidence)
        half = raw[2:4, kept] / 2.0
        corners = np.concatenate([raw[:2, kept] - half, raw[:2, kept] + half]).T
        winners = _suppress(corners, classes[kept], scores[kept], iou_threshold)[:max_detections]
        height, width = picture.shape[:2]
        boxes = (corners[winners] - (left, top, left, top)) / scale
        boxes = np.clip(boxes, 0.0, (width, height, width, height))
        chosen = kept[winners]
        return Found(boxes.astype(np.float32), classes[chosen].astype(np.int64), scores[chosen])


def _suppress(
    corners: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    iou_threshold: float,
) -> npt.NDArray[np.int64]:
    """Return the positions that survive per-class non-maximum suppression, best score first."""
    sized = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sized.tolist(), scores.tolist(), classes.tolist(), 0.0, iou_threshold)
    positions = np.asarray(kept, dtype=np.int64).reshape(-1)
    return positions[np.argsort(-scores[positions], kind="stable")]
