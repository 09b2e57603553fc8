"""The bundled models keep to the contract of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import im_demo
from inference_models import AutoModel, load_image
from inference_models.testing import ModelContract, PluginContract, ProviderContract


class TestShapes(ModelContract):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> Iterator[Any]:
        with AutoModel.from_pretrained("demo://shapes", device="cpu") as model:
            yield model

    @pytest.fixture
    def images(self) -> list[Any]:
        picture = load_image(im_demo.picture_path())
        return [picture, picture[:400, :500]]


class TestDigits(ModelContract):
    scales_with_input = False

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> Iterator[Any]:
        with AutoModel.from_pretrained("demo://digits", device="cpu") as model:
            yield model


class TestPlugin(PluginContract):
    distribution = "im-demo"


class TestProvider(ProviderContract):
    provider = "demo"
    model_id = "shapes"
