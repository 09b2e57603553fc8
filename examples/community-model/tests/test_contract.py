"""The plugin and its model keep to the contracts."""

from __future__ import annotations

import pytest

from community_model import package_path
from inference_models import AutoModel
from inference_models.testing import ModelContract, PluginContract


class TestPlugin(PluginContract):
    distribution = "community-model"


class TestModel(ModelContract):
    scales_with_input = False

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        with AutoModel.from_pretrained(package_path()) as model:
            yield model
