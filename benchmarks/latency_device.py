"""Pre- and post-processing around a network of torch tensors: on the host, and on the device's way.

The network's outputs are recorded once and handed out on its device, so that only what is around it is timed. "host" is
what a session on the CPU gets: OpenCV and numpy. "cpu:0" is main memory that goes the way of a device, all in torch;
"cuda" that way on a GPU, if there is one. Shown are medians in milliseconds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch

from im_yolo.detection import YOLODetector
from im_yolo.segmentation import YOLOInstanceSegmenter
from inference_models.developer_tools import TensorInfo
from models import benchmark_picture, build_yolov8n_package
from seg_models import build_yolov8n_seg_package
from timing import rounds_parser

SIZES = ((480, 640), (1080, 1920), (2160, 3840))
WARM_UP, ROUNDS = 3, 30
ROWS: tuple[tuple[str, Any, Callable[[Path], Any], Mapping[str, Any]], ...] = (
    ("detection", YOLODetector, build_yolov8n_package, {}),
    ("dense masks", YOLOInstanceSegmenter, build_yolov8n_seg_package, {"mask_format": "dense"}),
    ("RLE masks", YOLOInstanceSegmenter, build_yolov8n_seg_package, {"mask_format": "rle"}),
)


class RecordedSession:
    """Says on a device what a network said about a picture, whatever it is given."""

    array_kind = "torch"
    runtime: Mapping[str, object] = {}

    def __init__(self, directory: Path, device: str) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(directory / "weights.onnx")
        self._said: dict[str, Any] = {}
        self.device = device
        self.inputs = tuple(
            TensorInfo(one.name, (None, *one.shape[1:]), "float32") for one in self._session.get_inputs()
        )
        self.outputs: tuple[TensorInfo, ...] = ()

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        if not self._said:
            names = [output.name for output in self._session.get_outputs()]
            outputs = self._session.run(None, {name: tensor.cpu().numpy() for name, tensor in feeds.items()})
            self._said = {
                name: torch.from_numpy(output).to(self.device) for name, output in zip(names, outputs, strict=True)
            }
        return self._said

    def close(self) -> None:
        pass


def synchronize(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def measure(model: Any, image: Any, device: str, rounds: int, options: Mapping[str, Any]) -> tuple[float, float]:
    """Return the median milliseconds of pre- and of post-processing."""
    before, after = [], []
    for _ in range(WARM_UP + rounds):
        synchronize(device)
        started = time.perf_counter()
        inputs, metadata = model.pre_process(image)
        synchronize(device)
        before.append(time.perf_counter() - started)
        outputs = model.forward(inputs)
        synchronize(device)
        started = time.perf_counter()
        model.post_process(outputs, metadata, **options)
        synchronize(device)
        after.append(time.perf_counter() - started)
    return median(before[WARM_UP:]) * 1e3, median(after[WARM_UP:]) * 1e3


def measure_picture(row: Any, directory: Path, size: tuple[int, int], devices: Iterable[str], rounds: int) -> None:
    name, target, _, options = row
    picture = benchmark_picture(*size)
    tensor = torch.from_numpy(picture[..., ::-1].transpose(2, 0, 1).copy())
    for kind in ("array", "tensor"):
        cells = []
        for device in devices:
            model = target.from_pretrained(directory, open_session=lambda path, at=device: RecordedSession(path, at))
            image = picture if kind == "array" else tensor.to(device)
            cells.append("{:7.2f} {:7.2f}".format(*measure(model, image, device, rounds, options)))
        where = f"{size[0]}x{size[1]}"
        print(f"{name:>12} {where:>10} {kind:>7}  {'   '.join(cells)}", flush=True)


def main() -> int:
    parser = rounds_parser(__doc__, ROUNDS)
    parser.add_argument("--threads", type=int, help="threads of torch (default: torch's own choice)")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    devices = ["cpu", "cpu:0", *(["cuda"] if torch.cuda.is_available() else [])]
    names = ["host" if device == "cpu" else device for device in devices]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; pre- and post-processing in milliseconds")
    print(f"{'task':>12} {'image':>10} {'kind':>7}  " + "   ".join(f"{name + ': pre, post':>15}" for name in names))
    for row in ROWS:
        with tempfile.TemporaryDirectory() as directory:
            package = row[2](Path(directory))
            for size in SIZES:
                measure_picture(row, package, size, devices, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
