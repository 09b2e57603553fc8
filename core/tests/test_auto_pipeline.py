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
    from inference_models import Model, ModelPipeline
    from pathlib import Path
    from types import SimpleNamespace

    class Word:
        @classmethod
        def from_pretrained(cls, model_name_or_path, *, package, open_session, device=None, shout=False):
            if package.package_id.startswith("typed"):
                return Typed()
            said = Said(package.package_id.upper() if shout else package.package_id)
            said.device = device
            said.session = open_session(model_name_or_path)
            return said

    class Typed(Model):
        @classmethod
        def from_pretrained(cls, model_name_or_path):
            return cls()

    class Said(str):
        def close(self):
            CLOSED.append(str(self))

    CLOSED = []

    def open_session(directory, *, device, package, options):
        return SimpleNamespace(volume=options.get("volume"))

    class Sentence:
        @classmethod
        def with_models(cls, models, end="."):
            return " ".join(models) + end

    class Group:
        @classmethod
        def with_models(cls, models):
            return models

    class Choir(ModelPipeline):
        def __init__(self, models):
            self.models = models

        @classmethod
        def with_models(cls, models, *, device="the choir's own"):
            return cls(models)

        def infer(self, images):
            return [model.device for model in self.models]

    def get_model(model_id, api_key=None):
        package = ModelPackageMetadata(model_id, "own", trusted_source=True, directory=Path(__file__).parent)
        return ModelMetadata(model_id, "word", [package], task_type="say")

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="words", target=get_model)

    @hookimpl
    def im_backends():
        return BackendSpec(
            name="own", priority=1, detect=dict, open_session=open_session, session_options={"volume"}
        )

    @hookimpl
    def im_models():
        return ModelSpec(architectures="word", task_type="say", backends="own", target=LazyClass(__name__, "Word"))

    @hookimpl
    def im_pipelines():
        target = LazyClass(__name__, "Sentence")
        yield PipelineSpec(id="say", target=target, default_models=("words://hello", None))
        places = ("greeting", "name")
        yield PipelineSpec(id="greet", target=target, default_models=("words://hello", None), places=places)
        yield PipelineSpec(id="count", target=LazyClass(__name__, "Group"), default_models=(None, None))
        choir = LazyClass(__name__, "Choir")
        yield PipelineSpec(id="sing", target=choir, default_models=("words://la", "words://lo"))
"""


@pytest.fixture(autouse=True)
def _words(install_plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "im-core,words")
    install_plugin("words", PLUGIN)


def test_defaults_ids_arguments_and_instances_can_be_mixed() -> None:
    assert AutoModelPipeline.from_pretrained("say", [None, "words://world"]) == "hello world."
    arguments = {"model_id_or_path": "words://you", "shout": True}
    assert AutoModelPipeline.from_pretrained("say", ["words://hi", arguments], end="!") == "hi YOU!"


def test_a_loaded_model_is_passed_in_as_it_is() -> None:
    model = object()
    assert AutoModelPipeline.from_pretrained("count", [model, "words://a"]) == [model, "a"]


def test_arguments_without_an_id_are_those_of_the_default() -> None:
    assert AutoModelPipeline.from_pretrained("say", [{"shout": True}, "words://you"]) == "HELLO you."


def test_the_spelling_of_existing_code_is_known_too() -> None:
    assert AutoModelPipeline.from_pretrained(pipline_id="say", models_parameters=[None, "words://a"]) == "hello a."
    with pytest.raises(InvalidParameterError, match="got both"):
        AutoModelPipeline.from_pretrained("say", pipline_id="say")
    entries = [{"model_name_or_path": "words://oh"}, "words://a"]
    assert AutoModelPipeline.from_pretrained("say", entries) == "oh a."
    entries[0]["model_id_or_path"] = "words://ah"
    with pytest.raises(InvalidParameterError, match=r"Name one model .* got both"):
        AutoModelPipeline.from_pretrained("say", entries)


def test_arguments_for_all_models_give_way_to_those_of_one() -> None:
    own = Mock()
    arguments = {"model_id_or_path": "words://b", "device": "cuda"}
    first, second, passed = (
        AutoModelPipeline.from_pretrained("count", ["words://a", arguments], device="cpu")
        + AutoModelPipeline.from_pretrained("count", [own, own], device="cpu")[:1]
    )
    assert (first.device, second.device) == ("cpu", "cuda")
    assert passed is own


def test_arguments_for_backends_are_for_all_models_too() -> None:
    loud = {"model_id_or_path": "words://b", "volume": 9}
    models = AutoModelPipeline.from_pretrained("count", ["words://a", loud], volume=3)
    assert [model.session.volume for model in models] == [3, 9]
    with pytest.raises(InvalidParameterError, match=r"does not accept volum=\. Did you mean 'volume'"):
        AutoModelPipeline.from_pretrained("count", ["words://a", "words://b"], volum=3)


def test_a_name_that_the_pipeline_takes_is_the_pipelines() -> None:
    with AutoModelPipeline.from_pretrained("sing", device="cpu") as pipeline:
        assert pipeline(()) == [None, None]


def test_a_package_is_chosen_for_one_model_only() -> None:
    with pytest.raises(InvalidParameterError, match=r"'say' does not accept model_package_id="):
        AutoModelPipeline.from_pretrained("say", [None, "words://a"], model_package_id="a")


def test_a_pipeline_closes_what_was_loaded_for_it_and_leaves_open_what_was_passed_in() -> None:
    own = Mock()
    pipeline = AutoModelPipeline.from_pretrained("sing", [own, None])
    pipeline.close()
    pipeline.close()
    closed = sys.modules["words"].CLOSED
    assert closed == ["lo"]
    own.close.assert_not_called()


def test_a_pipeline_says_of_each_model_where_it_comes_from() -> None:
    pipeline = AutoModelPipeline.from_pretrained("sing", ["words://me", Mock()])
    me, unknown = pipeline.loaded_from
    assert (me, unknown) == (None, None), "no models of ours"
    assert type(pipeline)(()).loaded_from == ()
    first, second = AutoModelPipeline.from_pretrained("sing", ["words://typed-a", "words://typed-b"]).loaded_from
    assert (first.package_id, second.package_id) == ("typed-a", "typed-b")


def test_available_pipelines_are_listed() -> None:
    assert [spec.id for spec in AutoModelPipeline.list_available_pipelines()] == ["count", "greet", "say", "sing"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((7, None), "the pipeline 7. Known: count, greet, say, sing"),
        (("sya", None), "the pipeline 'sya'. Did you mean 'say'"),
        (("say", ["words://a"]), "joins 2 models, models_parameters= has 1"),
        (("say", []), "None where the default is wanted: model 0 (default: words://hello), model 1 (no default)."),
        (("greet", [None]), "None where the default is wanted: greeting (default: words://hello), name (no default)."),
        (("greet", None), "no default for model 1. Name one in models_parameters=: greeting (default: words://hello)"),
        (("say", None), "no default for model 1"),
        (("say", [None, {"shout": True}]), "no default for model 1"),
        (("say", "words://a"), "takes a list with an entry for each of the 2 models of pipeline 'say', not 'str'"),
        ((), "Name one pipeline with pipeline_id= (or pipline_id=, the same); got neither"),
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
