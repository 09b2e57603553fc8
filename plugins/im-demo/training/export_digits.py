"""Export the trained reader of digits as the two packages of im-demo, and check that onnxruntime agrees with torch.

Reads what `train_digits.py` wrote; writes `onnx-fp32/` and `torch-fp32/` with all their files.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import Tensor

from digits_training.data import load_digits
from digits_training.network import DigitReader
from digits_training.package_files import write_package_files
from digits_training.pictures import plain_picture
from exporting import export_network
from train_digits import as_input

PACKAGES = Path(__file__).resolve().parents[1] / "src" / "im_demo" / "packages" / "digits"
LARGEST_DIFFERENCE = 1e-4
"""Allowed difference of a logit."""


def sample_images(count: int) -> Tensor:
    """Return held-out digits as the network wants them, (count, 3, 64, 64) float32."""
    _, held_out = load_digits()
    return as_input([plain_picture(ink) for ink in held_out.ink[:count]])


def export_onnx(model: DigitReader, path: Path) -> None:
    """Write and check the ONNX file, with a batch of any size."""
    export_network(model, sample_images(2), path, "logits")
    onnx.checker.check_model(onnx.load(path), full_check=True)


def largest_difference(model: DigitReader, path: Path) -> float:
    """Return how far onnxruntime is from torch, over batches of 1 and 3."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 3):
        images = sample_images(batch)
        with torch.no_grad():
            expected = model(images).numpy()
        ran = np.asarray(session.run(["logits"], {"images": images.numpy()})[0])
        assert expected.shape == ran.shape
        worst = max(worst, float(np.abs(ran - expected).max()))
    return worst


def main() -> None:
    """Parse the command line, export, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what train_digits.py wrote")
    parser.add_argument("--output", type=Path, default=PACKAGES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = DigitReader()
    model.load_state_dict(load_file(arguments.weights))
    model.eval().requires_grad_(False)
    with_onnx, with_torch = (arguments.output / name for name in ("onnx-fp32", "torch-fp32"))
    for folder, backend in ((with_onnx, "onnx"), (with_torch, "torch")):
        folder.mkdir(parents=True, exist_ok=True)
        write_package_files(folder, backend)
    export_onnx(model, with_onnx / "weights.onnx")
    shutil.copyfile(arguments.weights, with_torch / "weights.safetensors")
    for path in (with_onnx / "weights.onnx", with_torch / "weights.safetensors"):
        print(f"{path.name}: {path.stat().st_size} bytes")
    difference = largest_difference(model, with_onnx / "weights.onnx")
    print(f"largest difference of onnxruntime from torch: {difference:.2e}")
    if difference > LARGEST_DIFFERENCE:
        raise SystemExit("onnxruntime does not agree with torch; the packages are not usable.")


if __name__ == "__main__":
    main()
