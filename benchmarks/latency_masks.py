"""One image through a network as large as YOLOv8n-seg, about 70 masks, dense and run-length encoded.

`run` is onnxruntime's own `session.run`, timed inside the very call of the model that it is part of; `overhead` is the
whole call less that. Shown are the median and the 95th percentile in milliseconds. Peak memory is measured in fresh
processes, above what is resident after one call on an image of 64 x 64: the loaded model with its working memory.
The targets are for two cores that have nothing else to do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from harness import run_child
from inference_models import AutoModel
from models import benchmark_picture
from seg_models import build_yolov8n_seg_package
from timing import Columns, as_columns, cells, conclude, heading, rounds_parser, time_stages

SIZES = ((1080, 810), (1080, 1920), (2160, 3840))
TARGETS_MS = {
    ("dense", (1080, 1920)): 25.0,
    ("rle", (1080, 1920)): 15.0,
    ("dense", (2160, 3840)): 60.0,
    ("rle", (2160, 3840)): 30.0,
}
PEAK_TARGETS_MIB = {"rle": 60.0}
FORMATS = ("dense", "rle")
COLUMNS = ("run", "pre", "post", "whole", "overhead")
ROUNDS = 30

# The child's own reading of what is resident, and the kernel's high-water mark since that was reset.
_PEAK = """
import sys
sys.path.insert(0, {here!r})
from inference_models import AutoModel
from models import benchmark_picture
model = AutoModel.from_pretrained({package!r}, device="cpu")
small, picture = benchmark_picture(64, 64), benchmark_picture({height}, {width})
model(small)
def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))
loaded = status("VmRSS")
for _ in range(3):
    model(picture, mask_format={mask_format!r})
result = max(status("VmHWM") - loaded, 0)
"""


def measure(model: Any, size: tuple[int, int], mask_format: str, rounds: int) -> Columns:
    """Return the columns of a picture of that size."""
    taken = time_stages(model, benchmark_picture(*size), rounds, mask_format=mask_format)
    return as_columns(milliseconds for milliseconds, _ in taken)


def describe(model: Any, size: tuple[int, int]) -> str:
    """Return how many masks there are, and how much of the picture a box and a mask cover on average."""
    (found,) = model(benchmark_picture(*size))
    sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
    boxes = (sides[:, 0] * sides[:, 1]).mean() / (size[0] * size[1])
    return f"{len(found)} masks, box {boxes:.1%}, mask {np.asarray(found.mask).mean():.1%} of the picture"


def peak_above_loaded(package: Path, size: tuple[int, int], mask_format: str) -> float:
    """Return how many MiB calls need at most beyond the loaded model (Linux)."""
    here = str(Path(__file__).parent)
    source = _PEAK.format(here=here, package=str(package), height=size[0], width=size[1], mask_format=mask_format)
    return float(run_child(source).result)


def main() -> int:
    """Print the table; return 1 when a target is missed."""
    rounds = rounds_parser(__doc__, ROUNDS).parse_args().rounds
    missed = []
    with tempfile.TemporaryDirectory() as directory:
        package = build_yolov8n_seg_package(directory)
        print(f"{'image':>10} {'masks':>6}  {heading(COLUMNS)}  {'allowed':>7} {'peak MiB':>9} {'allowed':>8}")
        for size in SIZES:
            with AutoModel.from_pretrained(package, device="cpu") as model:
                lines = {name: measure(model, size, name, rounds) for name in FORMATS}
                print(f"{size[0]}x{size[1]}: {describe(model, size)}")
            for name, columns in lines.items():
                overhead, peak = median(columns["overhead"]), peak_above_loaded(package, size, name)
                allowed, allowed_peak = TARGETS_MS.get((name, size), np.inf), PEAK_TARGETS_MIB.get(name, np.inf)
                print(
                    f"{'':>10} {name:>6}  {cells(columns, COLUMNS)}  {allowed:7.0f} {peak:9.1f} {allowed_peak:8.0f}",
                    flush=True,
                )
                if overhead > allowed:
                    missed.append(f"{size[0]}x{size[1]} {name}: overhead {overhead:.2f} ms, allowed {allowed} ms")
                if peak > allowed_peak:
                    missed.append(f"{size[0]}x{size[1]} {name}: peak {peak:.1f} MiB, allowed {allowed_peak} MiB")
    return conclude(missed)


if __name__ == "__main__":
    sys.exit(main())
