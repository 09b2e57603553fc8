"""Loading by id: from a warm cache in a fresh process, and from caches that hold many models.

The server speaks Roboflow's weights API on a loopback port; it is the one of the tests.
"""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from harness import Row, alternate_children, compare, print_table
from models import build_yolov8n_package

ROUNDS = 9
MODEL_ID = "workspace/yolov8n/1"
LOAD = f"from inference_models import AutoModel\nmodel = AutoModel.from_pretrained({MODEL_ID!r})"
_SERVER = Path(__file__).parents[1] / "core" / "tests" / "weights_providers" / "api_server.py"


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return the rows."""
    with tempfile.TemporaryDirectory() as directory, serve(Path(directory)) as environment:
        return [
            measure_warm(environment, rounds),
            *(measure_many_models(environment, models) for models in (100, 1000)),
        ]


@contextmanager
def serve(directory: Path, extra_files: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[dict[str, str]]:
    """Serve a YOLOv8n-sized package by id; yield the environment in which it is found, its cache still empty."""
    package = Path(build_yolov8n_package(directory / "package"))
    with runpy.run_path(str(_SERVER))["ApiServer"]() as api:
        names = ("weights.onnx", "class_names.txt", "inference_config.json")
        contents = {name: (package / name).read_bytes() for name in names} | dict(extra_files)
        api.add_model(MODEL_ID, [_as_listed(api.files, contents)])
        yield {"ROBOFLOW_API_HOST": api.url, "INFERENCE_HOME": str(directory / "home")}


def measure_warm(environment: dict[str, str], rounds: int) -> Row:
    """Compare a load by id, everything being in the cache, with a load of the same directory by its path."""
    _run(LOAD, environment)
    [weights] = Path(environment["INFERENCE_HOME"]).rglob("weights.onnx")
    by_path = LOAD.replace(repr(MODEL_ID), repr(str(weights.parent)))
    by_id, floor = alternate_children(LOAD, by_path, rounds, environment)
    name = "load by id from a warm cache / by path, fresh process"
    return compare(name, [child.wall for child in by_id], [child.wall for child in floor], "ms", 1.1)


def measure_many_models(environment: dict[str, str], models: int) -> Row:
    """Compare a warm load by id from a cache of many models with one from a cache of one."""
    home = Path(environment["INFERENCE_HOME"])
    with tempfile.TemporaryDirectory() as directory:
        crowded = Path(directory) / "home"
        shutil.copytree(home, crowded)  # with the times that stamps compare
        for number in range(models - 1):
            shutil.copytree(
                next(crowded.glob("workspace*")), crowded / f"another-{number}", copy_function=_without_weights
            )
        ours, floor = alternate_children(LOAD, LOAD, 5, environment | {"INFERENCE_HOME": str(crowded)})
        plain, _ = alternate_children(LOAD, LOAD, 5, environment)
    name = f"load by id, {models} models in the cache / one model"
    return compare(name, [child.wall for child in (*ours, *floor)][:5], [child.wall for child in plain], "ms", 1.1)


def _as_listed(files: Any, contents: dict[str, bytes]) -> dict[str, Any]:
    manifest = {"type": "onnx-model-package-v1", "backendType": "onnx", "dynamicBatchSize": False}
    return {
        "type": "external-model-package-v1",
        "packageId": "onnx",
        "packageManifest": {**manifest, "staticBatchSize": 1, "quantization": "fp32", "opset": 17},
        "packageFiles": [{"fileHandle": name, **files.add(f"/{name}", body)} for name, body in contents.items()],
        "trustedSource": True,
    }


def _without_weights(source: str, target: str) -> None:
    if not source.endswith(".onnx"):
        shutil.copy2(source, target)


def _start(statement: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_", "PYTHON"))}
    return subprocess.Popen([sys.executable, "-P", "-c", statement], env={**kept, **environment})


def _run(statement: str, environment: dict[str, str]) -> None:
    if _start(statement, environment).wait() != 0:
        raise SystemExit("load_by_id: the first load failed")


def main() -> None:
    rows = measure()
    print_table(rows)
    print(f"median of the warm load by id: {median([rows[0].ours]):.0f} ms")


if __name__ == "__main__":
    main()
