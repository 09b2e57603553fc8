"""What a model says about where it comes from."""

from __future__ import annotations

import copy
import pickle
from unittest.mock import Mock

import pytest

from inference_models import LoadedFrom, Model, Quantization
from inference_models.models.loaded_from import remember_source, source_of

SOURCE = LoadedFrom(
    model_id="shapes", provider="demo", quantization=Quantization.FP16, runtime={"execution_providers": ("CPU",)}
)


def test_a_model_that_was_made_directly_says_nothing(model: Model) -> None:
    assert model.loaded_from is None


def test_what_was_remembered_is_there_to_read_also_after_closing(model: Model) -> None:
    remember_source(model, SOURCE)
    with model:
        assert model.loaded_from is SOURCE
    assert model.loaded_from is SOURCE
    with pytest.raises(AttributeError):
        model.loaded_from = SOURCE


def test_it_can_be_compared_stored_and_sent() -> None:
    assert pickle.loads(pickle.dumps(SOURCE)) == copy.deepcopy(SOURCE) == SOURCE
    assert len({SOURCE, copy.deepcopy(SOURCE)}) == 1


def test_anything_may_be_asked(model: Model, plain: type[Model]) -> None:
    remember_source(model, SOURCE)
    assert source_of(model) is SOURCE
    assert [source_of(other) for other in (object(), None, Mock(), plain())] == [None] * 4
