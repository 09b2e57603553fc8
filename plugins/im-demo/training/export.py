"""Export trained weights as the two packages of im-demo, and check that they agree.

Reads `weights.safetensors`; writes `onnx-fp32/` and `torchscript-fp32/` with all their files.
"""

from __future__ import annotations

import argparse
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from exporting import export_network
from shapes_training.decoding import ExportedDetector
from shapes_training.network import ConvUnit, ShapeDetector
from shapes_training.outlines import CLASS_NAMES
from shapes_training.package_files import write_package_files
from shapes_training.samples import INPUT_SIZE, held_out_scene, letterbox

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "src" / "im_demo" / "packages" / "shapes"
LARGEST_DIFFERENCE = 1e-2
"""Allowed difference in pixels; class probabilities differ far less."""


def fold_normalisation(detector: ShapeDetector) -> None:
    """Fold every batch normalisation into the convolution before it; the result is the same."""
    for unit in detector.modules():
        if isinstance(unit, ConvUnit):
            assert isinstance(unit.norm, nn.BatchNorm2d)
            unit.conv = fuse_conv_bn_eval(unit.conv, unit.norm)
            unit.norm = nn.Identity()


def load_detector(weights: Path) -> ExportedDetector:
    """Return the trained detector with decoded output, in evaluation mode."""
    detector = ShapeDetector(len(CLASS_NAMES))
    detector.load_state_dict(load_file(weights))
    detector.eval().requires_grad_(False)
    return ExportedDetector(detector, INPUT_SIZE).eval()


def sample_images(count: int) -> Tensor:
    """Return held-out pictures as the network wants them, (count, 3, 320, 320) float32."""
    pictures = [letterbox(held_out_scene(index).picture)[0] for index in range(count)]
    stacked = np.stack(pictures)[..., ::-1].transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stacked)).float() / 255.0


def export_onnx(model: ExportedDetector, folder: Path) -> Path:
    """Write and check `weights.onnx`, with a batch of any size."""
    path = folder / "weights.onnx"
    export_network(model, sample_images(2), path, "output0")
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    dimensions = proto.graph.output[0].type.tensor_type.shape.dim
    for dimension, size in zip(list(dimensions)[1:], _output_size(model), strict=True):
        # The exporter may leave names where the size is known; say the size.
        dimension.dim_value = size
    onnx.save(proto, path)
    return path


def _output_size(model: ExportedDetector) -> tuple[int, int]:
    return 4 + len(CLASS_NAMES), model.points.shape[0]


def drop_debug_records(path: Path) -> None:
    """Take the source locations out of a TorchScript archive: they hold paths of this machine."""
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(partial, "w") as target:
        for record in source.infolist():
            if not record.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(record.filename), source.read(record), record.compress_type)
    partial.replace(path)


def export_torchscript(model: ExportedDetector, folder: Path) -> Path:
    """Write `weights.torchscript`, traced on the CPU."""
    path = folder / "weights.torchscript"
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(model, sample_images(2))  # type: ignore[no-untyped-call]
        traced.save(str(path))
    drop_debug_records(path)
    return path


def largest_differences(model: ExportedDetector, onnx_path: Path, script: Path) -> dict[str, float]:
    """Return how far the exports are from torch, over batches of 1 and 3."""
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = torch.jit.load(str(script), map_location="cpu")  # type: ignore[no-untyped-call]
    worst = {"onnxruntime": 0.0, "torchscript": 0.0}
    for batch in (1, 3):
        images = sample_images(batch)
        with torch.no_grad():
            expected = model(images).numpy()
            scripted = loaded(images).numpy()
        ran = np.asarray(session.run(["output0"], {"images": images.numpy()})[0])
        assert expected.shape == ran.shape == scripted.shape == (batch, *_output_size(model))
        worst["onnxruntime"] = max(worst["onnxruntime"], float(np.abs(ran - expected).max()))
        worst["torchscript"] = max(worst["torchscript"], float(np.abs(scripted - expected).max()))
    return worst


def main() -> None:
    """Parse the command line, export, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=HERE / "weights.safetensors")
    parser.add_argument("--output", type=Path, default=PACKAGES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_detector(arguments.weights)
    folders = [arguments.output / name for name in ("onnx-fp32", "torchscript-fp32")]
    for folder, backend in zip(folders, ("onnx", "torch-script"), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        write_package_files(folder, backend, static_batch_size=None)
    original = load_detector(arguments.weights)
    fold_normalisation(model.detector)
    paths = export_onnx(model, folders[0]), export_torchscript(model, folders[1])
    for path in paths:
        print(f"{path.name}: {path.stat().st_size} bytes")
    for name, difference in largest_differences(original, *paths).items():
        print(f"largest difference of {name} from torch: {difference:.2e}")
        if difference > LARGEST_DIFFERENCE:
            raise SystemExit(f"{name} does not agree with torch; the packages are not usable.")


if __name__ == "__main__":
    main()
