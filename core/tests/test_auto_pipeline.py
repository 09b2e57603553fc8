"""Pipelines: every way to name a model, and what is wrong with the rest."""

from __future__ import annotations

import sys
from unittest.mock import Mock

import pytest

from inference_models import AutoModelPipeline
from inference_models.errors import InvalidParameterError, ModelRetrievalError

PLUGIN = """
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelMetadata, ModelPackageMetadata, ModelSpec, PipelineSpec, WeightsProviderSpec,
        hookimpl,
    )
    from pathlib import Path

    class Word:
        @classmethod
        def from_pretrained(cls, model_name_or_path, *, package, shout=False):
            return Said(package.package_id.upper() if shout else package.package_id)

    class Said(str):
        def close(self):
            CLOSED.append(str(self))

    CLOSED = []

    class Sentence:
        @classmethod
        def with_models(cls, models, end="."):
            return " ".join(models) + end

    class Group:
        @classmethod
        def with_models(cls, models):
            return models

    def get_model(model_id, api_key=None):
        package = ModelPackageMetadata(model_id, "own", trusted_source=True, directory=Path(__file__).parent)
        return ModelMetadata(model_id, "word", [package], task_type="say")

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="words", target=get_model)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        return ModelSpec(architectures="word", task_type="say", backends="own", target=LazyClass(__name__, "Word"))

    @hookimpl
    def im_pipelines():
        target = LazyClass(__name__, "Sentence")
        yield PipelineSpec(id="say", target=target, default_models=("words://hello", None))
        yield PipelineSpec(id="count", target=LazyClass(__name__, "Group"), default_models=(None, None))
"""


@pytest.fixture(autouse=True)
def _words(install_plugin) -> None:
    install_plugin("words", PLUGIN)


def test_defaults_ids_arguments_and_instances_can_be_mixed() -> None:
    assert AutoModelPipeline.from_pretrained("say", [None, "words://world"]) == "hello world."
    arguments = {"model_id_or_path": "words://you", "shout": True}
    assert AutoModelPipeline.from_pretrained("say", ["words://hi", arguments], end="!") == "hi YOU!"


def test_a_loaded_model_is_passed_in_as_it_is() -> None:
    model = object()
    assert AutoModelPipeline.from_pretrained("count", [model, "words://a"]) == [model, "a"]


def test_available_pipelines_are_listed() -> None:
    assert [spec.id for spec in AutoModelPipeline.list_available_pipelines()] == ["count", "say"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((7, None), "the pipeline 7. Known: count, say"),
        (("sya", None), "the pipeline 'sya'. Did you mean 'say'"),
        (("say", ["words://a"]), "joins 2 models, models_parameters= has 1"),
        (("say", None), "no default for model 1"),
    ],
)
def test_what_is_wrong_is_named(arguments, expected: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        AutoModelPipeline.from_pretrained(*arguments)
    assert expected in caught.value.message


def test_a_model_that_is_not_there_is_its_own_error() -> None:
    with pytest.raises(ModelRetrievalError):
        AutoModelPipeline.from_pretrained("say", [None, "nobody://a"])
    closed = sys.modules["words"].CLOSED
    assert closed == ["hello"]


def test_only_what_was_loaded_for_a_pipeline_that_fails_is_closed() -> None:
    own = Mock()
    with pytest.raises(TypeError):
        AutoModelPipeline.from_pretrained("say", ["words://a", own])
    closed = sys.modules["words"].CLOSED
    assert closed == ["a"]
    own.close.assert_not_called()


def test_an_argument_that_the_pipeline_does_not_take_is_an_error_before_anything_is_loaded() -> None:
    with pytest.raises(InvalidParameterError, match=r"'say' does not accept and=\. Did you mean 'end'\?"):
        AutoModelPipeline.from_pretrained("say", ["nobody://a", "nobody://b"], **{"and": "!"})
