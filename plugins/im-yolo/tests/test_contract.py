"""A model of each task type keeps to the contract of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from inference_models.testing import ModelContract, PluginContract


class YoloContract(ModelContract):
    """The contract on a network of the layout that the architecture's exports have."""

    architecture: ClassVar[str] = "yolov8"
    task: ClassVar[str]
    fused: ClassVar[bool] = False
    batch: ClassVar[int | None] = None

    @pytest.fixture
    def model(self, workbench: Any, networks: Any) -> Iterator[Any]:
        directory = networks.package(workbench, self.architecture, self.task, fused=self.fused, batch=self.batch)
        with workbench.open(directory) as model:
            yield model

    @pytest.fixture
    def images(self, workbench: Any) -> list[Any]:
        return [workbench.picture(150, 192, 1), workbench.picture(192, 144, 2)]


class TestDetection(YoloContract):
    task = "object-detection"


class TestDetectionInBatchesOfTwo(YoloContract):
    task = "object-detection"
    architecture = "yolov5"
    batch = 2


class TestDetectionWithFusedNms(YoloContract):
    task = "object-detection"
    architecture = "yolo26"
    fused = True


class TestInstanceSegmentation(YoloContract):
    task = "instance-segmentation"


class TestInstanceSegmentationAsRunLengths(YoloContract):
    task = "instance-segmentation"
    options: ClassVar[dict[str, Any]] = {"mask_format": "rle"}


class TestKeyPoints(YoloContract):
    task = "keypoint-detection"


class TestClassification(YoloContract):
    task = "classification"
    scales_with_input = False


class TestMultiLabelClassification(YoloContract):
    task = "multi-label-classification"
    scales_with_input = False


class TestSemanticSegmentation(YoloContract):
    task = "semantic-segmentation"
    architecture = "yolo26"


class TestDepthEstimation(YoloContract):
    task = "depth-estimation"
    architecture = "yolo26"


class TestPlugin(PluginContract):
    distribution = "im-yolo"
