"""The core keeps to the contract of plugins, and its own providers to that of weights providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference_models.testing import PluginContract, ProviderContract


class TestPlugin(PluginContract):
    distribution = "im-core"


class TestLocal(ProviderContract):
    provider = "local"

    @pytest.fixture(autouse=True)
    def _package(self, tmp_path: Path) -> None:
        config = {"model_architecture": "linear", "task_type": "regression", "backend_type": "onnx"}
        (tmp_path / "model_config.json").write_text(json.dumps(config))
        self.model_id = str(tmp_path)


class TestRoboflow(ProviderContract):
    provider = "roboflow"
    model_id = "ws/proj/3"
    api_key = "key-that-nobody-may-see"

    @pytest.fixture(autouse=True)
    def _server(self, api: Any) -> None:
        """The API answers on this machine."""
