"""The plugin and its backend keep to their contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from inference_models.testing import BackendContract, PluginContract

CONFIG = {"model_architecture": "linear", "task_type": "regression", "backend_type": "onnx"}


class TestPlugin(PluginContract):
    distribution = "im-backend-onnx"


class TestBackend(BackendContract):
    backend = "onnx"

    @pytest.fixture(autouse=True)
    def _remember_networks(self, networks: Any) -> None:
        self.networks = networks

    @pytest.fixture
    def package(self, package: Path) -> Path:
        (package / "model_config.json").write_text(json.dumps(CONFIG))
        return package

    def expected(self, feeds: Any) -> dict[str, Any]:
        x = feeds["x"].cpu().numpy() if hasattr(feeds["x"], "cpu") else feeds["x"]
        return {"y": x @ self.networks.weights + self.networks.bias}


class TestTensors(TestBackend):
    """The same with torch tensors in and out."""

    options: ClassVar[dict[str, Any]] = {"onnx_array_kind": "torch"}

    @pytest.fixture(autouse=True)
    def _needs_torch(self) -> None:
        pytest.importorskip("torch")
