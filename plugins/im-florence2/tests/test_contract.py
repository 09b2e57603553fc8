"""What Florence-2 can be asked for keeps to the contract of models, on pictures that the small model knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from inference_models import AutoModel
from inference_models.testing import ModelContract, PluginContract


class Florence2Contract(ModelContract):
    """The contract on one of the model's methods, with few tokens and beams, so that it takes little time."""

    options: ClassVar[dict[str, Any]] = {"num_beams": 1}

    @pytest.fixture
    def model(self, shapes_package: Path) -> Iterator[Any]:
        with AutoModel.from_pretrained(shapes_package, device="cpu") as model:
            yield model

    @pytest.fixture
    def images(self, scenes: list[Any]) -> list[Any]:
        pictures = [scene.picture[..., ::-1].copy() for scene in scenes[:2]]
        return [pictures[0], pictures[1][:, :-8]]


class TestDetection(Florence2Contract):
    method = "detect_objects"


class TestSegmentation(Florence2Contract):
    method = "segment_phrase"
    options: ClassVar[dict[str, Any]] = {"num_beams": 1, "phrase": "red circle"}


class TestCaptions(Florence2Contract):
    method = "caption_image"
    scales_with_input = False


class TestPrompts(Florence2Contract):
    method = "prompt"
    options: ClassVar[dict[str, Any]] = {"num_beams": 1, "prompt": "<CAPTION>"}
    scales_with_input = False


class TestPlugin(PluginContract):
    distribution = "im-florence2"
