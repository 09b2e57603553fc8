"""A really installed plugin whose model finds the bright spot of a picture, and ways to run the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from inference_models.cli.application import im
from inference_models.testing.fakes import write_plugin

SPOT_PLUGIN = """
from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, WeightsProviderSpec, hookimpl

@hookimpl
def im_weights_providers():
    return WeightsProviderSpec(
        name="spot", target=LazyClass("spot_model", "get_model"), list_models=lambda: ["bright"],
        api_key_variable="SPOT_TOKEN",
    )

@hookimpl
def im_backends():
    return BackendSpec(name="spot-npu", priority=1, detect=lambda: {"version": "7.7"})

@hookimpl
def im_models():
    target = LazyClass("spot_model", "SpotFinder")
    return ModelSpec(architectures="spotnet", task_type="object-detection", backends="spot-npu", target=target)
"""

SPOT_MODEL = '''
import os
import time
from pathlib import Path

import numpy as np

from inference_models import Detections, ModelNotFoundError, ObjectDetectionModel
from inference_models.developer_tools import ModelMetadata, ModelPackageMetadata


def get_model(model_id, api_key=None):
    if model_id != "bright":
        raise ModelNotFoundError(f"There is no model {model_id!r}.")
    here = Path(__file__).parent
    packages = [
        ModelPackageMetadata("small", "spot-npu", directory=here, trusted_source=True),
        ModelPackageMetadata("other", "onnx", directory=here, trusted_source=True),
        ModelPackageMetadata("theirs", "spot-npu", directory=here),
    ]
    return ModelMetadata("bright", "spotnet", packages, task_type="object-detection")


class SpotFinder(ObjectDetectionModel):
    """Finds the box around the pixels brighter than 127; its confidence is the share of them in the box."""

    batches = []
    class_names = ["spot"]

    @classmethod
    def from_pretrained(cls, model_name_or_path):
        return cls()

    def pre_process(self, images):
        self.batches.append(len(images))
        if any((image == 77).all() for image in images):
            print("sleeping", flush=True)
            time.sleep(60)
        return [image.max(axis=2) > 127 for image in images], None

    def forward(self, masks):
        boxes = []
        for mask in masks:
            rows, columns = np.nonzero(mask)
            if len(rows):
                left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                share = mask[top:bottom, left:right].mean()
                boxes.append((np.array([[left, top, right, bottom]], np.float32), np.array([share], np.float32)))
            else:
                boxes.append((np.zeros((0, 4), np.float32), np.zeros(0, np.float32)))
        return boxes

    def post_process(self, boxes, metadata, confidence=0.0):
        found = [
            Detections(box, np.zeros(len(box), np.int32), share, class_names=self.class_names) for box, share in boxes
        ]
        return [one[one.confidence >= confidence] for one in found]
'''

Im = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def im_run() -> Im:
    """Return a function that runs `im` with arguments in this process."""

    def call(*arguments: object, **options: Any) -> Result:
        runner = CliRunner(env={"NO_COLOR": None, "FORCE_COLOR": None})
        return runner.invoke(im, [str(argument) for argument in arguments], prog_name="im", **options)

    return call


@pytest.fixture
def spot(install_plugin: Callable[..., Path]) -> Path:
    """Install the plugin in this process."""
    return install_plugin("spot", SPOT_PLUGIN, modules={"spot_model": SPOT_MODEL})


@pytest.fixture
def process_environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment for processes in which the plugin is installed."""
    site = write_plugin(tmp_path / "process-site", "spot", SPOT_PLUGIN, modules={"spot_model": SPOT_MODEL})
    unwanted = ("INFERENCE_MODELS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONWARNINGS", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {"PYTHONPATH": str(site), "TERM": "xterm-256color"}


@pytest.fixture
def im_process(process_environment: dict[str, str]) -> Process:
    """Return a function that runs `im` in a process of its own."""

    def call(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "inference_models.cli", *map(str, arguments)],
            env=process_environment | variables,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )

    return call


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a black PNG of 60 x 40 with a white box (left, top, right, bottom) in it."""

    def write(name: str, box: tuple[int, int, int, int] | None = (10, 5, 30, 25)) -> Path:
        image = np.zeros((40, 60, 3), np.uint8)
        if box is not None:
            image[box[1] : box[3], box[0] : box[2]] = 255
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
        return path

    return write
