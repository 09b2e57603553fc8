"""Models that do nothing, for what all models have."""

from __future__ import annotations

from typing import Any, Self

import pytest
from attrs import frozen

from inference_models.models import Model


class Plain(Model):
    @classmethod
    def from_pretrained(cls, model_name_or_path: str, **kwargs: Any) -> Self:
        return cls()


@frozen
class Frozen(Plain):
    path: str = "x"


@pytest.fixture
def plain() -> type[Model]:
    """The class of an ordinary model."""
    return Plain


@pytest.fixture
def frozen_model() -> Model:
    """A model whose attributes cannot be set."""
    return Frozen()


@pytest.fixture(params=[Plain, Frozen])
def model(request: pytest.FixtureRequest) -> Model:
    """One of each."""
    return request.param()
