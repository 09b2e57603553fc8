"""The exported ONNX file run by hand: onnxruntime, cv2 and numpy, nothing of `inference_models`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from digits_training.network import INPUT_SIZE


class BareReader:
    """Stretches, scales, runs; one picture at a time."""

    def __init__(self, weights: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])

    def __call__(self, picture: npt.NDArray[np.uint8]) -> int:
        """Return the digit in a (h, w, 3) uint8 BGR picture."""
        sized = np.asarray(cv2.resize(picture, (INPUT_SIZE, INPUT_SIZE)))
        images = sized[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        logits = np.asarray(self._session.run(["logits"], {"images": images})[0])
        return int(logits.argmax())
