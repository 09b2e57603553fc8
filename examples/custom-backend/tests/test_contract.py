"""The plugin, its backend, and a model on it keep to the contracts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import cv2
import pytest

from inference_models import AutoModel
from inference_models.testing import BackendContract, ModelContract, PluginContract


class TestPlugin(PluginContract):
    distribution = "custom-backend"


class TestBackend(BackendContract):
    backend = "openvino"
    networks: ClassVar[SimpleNamespace]

    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, linear, networks, tmp_path_factory) -> Path:
        """A linear network of 16 numbers."""
        cls.networks = networks
        directory = tmp_path_factory.mktemp("contract") / "package"
        shutil.copytree(linear, directory)
        config = {"model_architecture": "linear", "task_type": "algebra", "backend_type": "openvino"}
        (directory / "model_config.json").write_text(json.dumps(config))
        return directory

    def expected(self, feeds):
        x = feeds["x"]
        return {"y": x @ self.networks.WEIGHTS + self.networks.BIAS, "doubled": x + x}


class TestModel(ModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory):
        """The demo detector, which im-yolo reads and this backend runs."""
        directory = tmp_path_factory.mktemp("model") / "openvino"
        command = ["compile", "demo://shapes", "--backend", "openvino", "--output", str(directory)]
        subprocess.run([Path(sys.executable).with_name("im"), *command], capture_output=True, check=True, timeout=240)
        with AutoModel.from_pretrained(directory) as model:
            yield model

    @pytest.fixture
    def images(self):
        """Pictures in which the detector finds something."""
        show = [sys.executable, "-m", "im_demo"]
        picture = cv2.imread(subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip())
        return [picture, picture[80:480, 180:900].copy(), cv2.resize(picture, (480, 320))]
