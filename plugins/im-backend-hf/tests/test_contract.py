"""The plugin and its backend keep to their contracts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference_models.testing import BackendContract, PluginContract

CONFIG = {"model_architecture": "vit", "task_type": "classification", "backend_type": "hugging-face"}


class TestPlugin(PluginContract):
    distribution = "im-backend-hf"


class TestBackend(BackendContract):
    backend = "hugging-face"

    @pytest.fixture
    def package(self, package: Path) -> Path:
        (package / "model_config.json").write_text(json.dumps(CONFIG))
        return package
