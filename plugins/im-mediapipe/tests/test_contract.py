"""The tasks on the real MediaPipe keep to the contract of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from inference_models.testing import BackendContract, ModelContract, PluginContract


class MediaPipeContract(ModelContract):
    """The contract on a committed network."""

    kind: ClassVar[str]

    @pytest.fixture
    def model(self, load: Callable[..., Any]) -> Any:
        pytest.importorskip("mediapipe", reason="needs mediapipe, in an environment of its own: make test-mediapipe")
        return load(self.kind)


class TestObjectDetection(MediaPipeContract):
    kind = "objects"

    @pytest.fixture
    def images(self, paint: Callable[..., Any]) -> list[Any]:
        return [
            paint(200, 100, green=(100, 25, 150, 50), red=(0, 75, 50, 100)),
            paint(128, 128, green=(0, 0, 32, 32), blue=(96, 0, 128, 32)),
        ]


class TestFaceDetection(MediaPipeContract):
    kind = "face"

    @pytest.fixture
    def images(self, paint: Callable[..., Any]) -> list[Any]:
        return [paint(256, 256, white=(128, 64, 160, 96)), paint(256, 128, white=(64, 32, 96, 64))]


class TestClassification(MediaPipeContract):
    kind = "classes"
    scales_with_input = False


class TestMultiLabelClassification(MediaPipeContract):
    kind = "labels"
    scales_with_input = False


class TestPlugin(PluginContract):
    distribution = "im-mediapipe"


class TestBackend(BackendContract):
    backend = "mediapipe"
