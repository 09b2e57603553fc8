"""A model of each task type, over sessions and on PyTorch, keeps to the contract of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import evolve

from inference_models import AutoModel
from inference_models.testing import ModelContract, PluginContract

POINTS = [
    {"object_class_id": 0, "keypoints": {"0": "nose", "1": "left", "2": "right"}, "edges": [{"from": 0, "to": 1}]},
    {"object_class_id": 1, "keypoints": {"0": "snout", "1": "tail"}},
]
QUERIES, CLASSES = 5, 3


def said(task: str) -> dict[str, Any]:
    """Return outputs of a network for one image."""
    rng = np.random.default_rng(0)
    outputs = {"dets": rng.uniform(0.2, 0.6, (QUERIES, 4)), "labels": rng.normal(0, 2, (QUERIES, CLASSES))}
    if task == "instance-segmentation":
        outputs["masks"] = rng.normal(0, 1, (QUERIES, 16, 16))
    if task == "keypoint-detection":
        outputs["keypoints"] = rng.uniform(0.1, 0.9, (QUERIES, 2 * 3, 8))
    return outputs


class OverSessionsContract(ModelContract):
    """The contract on an ONNX network that says the same of every picture."""

    task: ClassVar[str]

    @pytest.fixture
    def model(self, bench: Any) -> Iterator[Any]:
        files = {"keypoints_metadata.json": POINTS} if self.task == "keypoint-detection" else None
        with bench.load(self.task, network=bench.saying(**said(self.task)), files=files) as model:
            yield model


class TestDetection(OverSessionsContract):
    task = "object-detection"


class TestInstanceSegmentation(OverSessionsContract):
    task = "instance-segmentation"


class TestInstanceSegmentationAsRunLengths(OverSessionsContract):
    task = "instance-segmentation"
    options: ClassVar[dict[str, Any]] = {"mask_format": "rle"}


class TestKeyPoints(OverSessionsContract):
    task = "keypoint-detection"


class OnTorchContract(ModelContract):
    """The contract on a small network with random weights, which looks at the picture."""

    options: ClassVar[dict[str, Any]] = {"confidence": 0.3}
    model_type: ClassVar[str]

    @pytest.fixture
    def model(self, bench: Any, torch_bench: Any, tiny_sizes: None, tmp_path: Path) -> Iterator[Any]:
        network = torch_bench.network(evolve(bench.TINY, has_masks="seg" in self.model_type))
        torch_bench.torch.save({"model": torch_bench.old_weights(network)}, tmp_path / "best.pth")
        kind = {"model_type": self.model_type, "labels": bench.NAMES}
        with AutoModel.from_pretrained(tmp_path / "best.pth", device="cpu", **kind) as model:
            yield model


class TestDetectionOnTorch(OnTorchContract):
    model_type = "rfdetr-nano"


class TestInstanceSegmentationOnTorch(OnTorchContract):
    model_type = "rfdetr-seg-nano"


class TestPlugin(PluginContract):
    distribution = "im-rfdetr"
