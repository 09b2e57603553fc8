"""`im predict` on a directory that brings code of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

MODEL = """
import numpy as np
from inference_models import Detections

class Whole:
    \"\"\"Finds each picture itself.\"\"\"

    @classmethod
    def from_pretrained(cls, directory, device=None):
        return cls()

    def __call__(self, images):
        boxes = [np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32) for image in images]
        return [
            Detections(one, np.zeros(1, np.int32), np.ones(1, np.float32), class_names=["picture"]) for one in boxes
        ]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "model_config.json").write_text(json.dumps({"model_module": "model.py", "model_class": "Whole"}))
    return tmp_path


def test_it_is_refused_with_the_option_that_allows_it(im_run, directory: Path, picture) -> None:
    result = im_run("predict", directory, picture("a.png"))
    assert result.exit_code == 1
    assert "im predict --allow-local-code-packages" in result.output


def test_allowed_it_runs(im_run, directory: Path, picture) -> None:
    result = im_run("predict", directory, picture("a.png"), "--allow-local-code-packages", "--json")
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)["predictions"]
    [box] = found["prediction"]["detections"]
    assert box["xyxy"] == [0.0, 0.0, 60.0, 40.0]
