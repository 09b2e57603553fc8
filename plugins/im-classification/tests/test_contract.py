"""Classifiers over sessions and in torch keep to the contract of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from inference_models.testing import ModelContract, PluginContract

WEIGHTS = np.random.default_rng(0).normal(0, 1, (3, 3)).astype(np.float32)
TINY_RESNET = {"num_classes": 3, "layer_type": "basic", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2]}


class OverSessionsContract(ModelContract):
    """The contract on an ONNX network that looks at the mean of each colour."""

    scales_with_input = False
    multi: ClassVar[bool]

    @pytest.fixture
    def model(self, workbench: Any) -> Iterator[Any]:
        files = {"weights.onnx": workbench.averaging(WEIGHTS)}
        with workbench.open(workbench.package("onnx", multi=self.multi, files=files)) as model:
            yield model


class TestClassification(OverSessionsContract):
    multi = False


class TestMultiLabelClassification(OverSessionsContract):
    multi = True


class TestResNet(ModelContract):
    scales_with_input = False

    @pytest.fixture
    def model(self, workbench: Any, references: Any) -> Iterator[Any]:
        torch: Any = pytest.importorskip("torch")
        pytest.importorskip("transformers")
        directory = workbench.package("torch", model_initialization=TINY_RESNET)
        torch.save(references.seeded_resnet(depths=(1, 2), width=8).state_dict(), directory / "weights.pth")
        with workbench.open(directory) as model:
            yield model


class TestPlugin(PluginContract):
    distribution = "im-classification"
