"""The plugin and its two backends keep to their contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inference_models.testing import BackendContract, PluginContract

CONFIG = {"model_architecture": "convolutions", "task_type": "regression", "backend_type": "torch-script"}


class TestPlugin(PluginContract):
    distribution = "im-backend-torch"


class TestTorch(BackendContract):
    backend = "torch"


class TestTorchScript(BackendContract):
    backend = "torch-script"
    tolerance = 5e-3  # some GPUs multiply with ten bits

    @pytest.fixture(autouse=True)
    def _remember_networks(self, networks: Any) -> None:
        self.networks = networks

    @pytest.fixture
    def package(self, package: Path) -> Path:
        (package / "model_config.json").write_text(json.dumps(CONFIG))
        return package

    def expected(self, feeds: Any) -> dict[str, Any]:
        network = self.networks.seeded(self.networks.Convolutions)
        with torch.inference_mode():
            (images,) = feeds.values()
            return {"output0": network(images.cpu())}
