"""How fast a model is in ONNX Runtime and in OpenVINO, and how far their boxes are apart: `compare.py [MODEL]`.

MODEL is an id or the directory of an ONNX package of a detector. Each runtime has one thread, CPU time is counted, runs
take turns, and the fastest of each counts: so whatever else the machine does counts little.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference_models import AutoModel

ROUNDS = 30


def main(model: str) -> None:
    """Compile the model, run it in both runtimes, and print a table."""
    shown = subprocess.run([sys.executable, "-m", "im_demo"], capture_output=True, text=True, check=True)
    picture = cv2.imread(shown.stdout.strip())
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "openvino"
        im = Path(sys.executable).with_name("im")
        command = [str(im), "compile", model, "--backend", "openvino", "--output", str(compiled)]
        subprocess.run(command, check=True, capture_output=True)
        models = {
            "onnxruntime": AutoModel.from_pretrained(model, backend="onnx", device="cpu", onnx_threads=1),
            "openvino": AutoModel.from_pretrained(compiled, openvino_threads=1),
            "openvino, bf16": AutoModel.from_pretrained(compiled, openvino_threads=1, openvino_precision="bf16"),
        }
        expected = models["onnxruntime"](picture)[0]
        for batch in (1, 8):
            times = measure(models, [picture] * batch)
            for name, (network, whole) in times.items():
                apart = difference(models[name](picture)[0], expected)
                print(f"{name:<16} batch {batch}: network {network:7.1f} ms, prediction {whole:7.1f} ms; {apart}")


def measure(models: dict[str, Any], pictures: list[Any]) -> dict[str, tuple[float, float]]:
    """Return the milliseconds of the network alone and of whole predictions, for each model."""
    inputs = {name: model.pre_process(pictures)[0] for name, model in models.items()}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            start = time.process_time()
            model.forward(inputs[name])
            between = time.process_time()
            model(pictures)
            seconds[name].append((between - start, time.process_time() - between))
    return {name: (min(a for a, _ in runs) * 1e3, min(b for _, b in runs) * 1e3) for name, runs in seconds.items()}


def difference(found: Any, expected: Any) -> str:
    """Return in words how far detections are from others."""
    if not np.array_equal(found.class_id, expected.class_id):
        return f"{len(found)} detections, others than the {len(expected)}"
    moved = np.abs(found.xyxy - expected.xyxy).max(initial=0)
    return f"{len(found)} detections, moved by up to {moved:.4f} pixels"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "demo://shapes")
