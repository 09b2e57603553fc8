"""The plugin and its backend keep to their contracts; on a machine without a GPU, over the stand-in for TensorRT."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from im_backend_trt import detection
from inference_models.environment import Gpu, GpuScan, refresh_environment
from inference_models.testing import BackendContract, PluginContract

CONFIG = {"model_architecture": "linear", "task_type": "regression", "backend_type": "trt"}
L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")


class TestPlugin(PluginContract):
    distribution = "im-backend-trt"


class TestBackendOfThisMachine(BackendContract):
    backend = "trt"


class TestBackend(BackendContract):
    backend = "trt"

    @pytest.fixture(autouse=True)
    def _machine(
        self, fake: ModuleType, device: object, networks: Any, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        """Let the machine have a GPU, and TensorRT on it."""
        self.networks = networks
        scan = GpuScan(gpus=(L4,), driver_version="560.35.05", cuda_version="12.6")
        monkeypatch.setattr("inference_models.environment.report.scan_gpus", lambda: scan)
        monkeypatch.setattr(detection, "_find_torch", lambda _path: ("2.8.0", "12.8"))
        monkeypatch.setattr(torch.version, "cuda", "12.6")
        refresh_environment()
        yield
        refresh_environment()

    @pytest.fixture
    def package(self, write_engine: Callable[..., Path], networks: Any) -> Path:
        directory = write_engine(networks.linear(), networks.profile(1, 4))
        (directory / "model_config.json").write_text(json.dumps(CONFIG))
        return directory

    @pytest.mark.xfail(reason="the stand-in computes in main memory and knows no devices; test_cuda.py has those")
    def test_device_is_a_real_one(self, subject: Any) -> None:
        super().test_device_is_a_real_one(subject)

    def expected(self, feeds: Any) -> dict[str, Any]:
        return {"y": feeds["x"].numpy() @ self.networks.weights}
