"""What a string means, which provider is asked, and what is made of its answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference_models.developer_tools import get_model_from_provider, register_model_provider
from inference_models.errors import (
    InvalidParameterError,
    ModelNotFoundError,
    ModelRetrievalError,
    OfflineModeError,
    PluginConflictError,
    WeightsProviderNotFoundError,
)
from inference_models.metadata import ModelMetadata, ModelPackageMetadata
from inference_models.weights_providers import WEIGHTS_PROVIDERS, list_available_models

PROVIDER = """
    from inference_models import ModelNotFoundError
    from inference_models.developer_tools import ModelMetadata, WeightsProviderSpec, hookimpl

    def get_model(model_id, api_key=None, region="us"):
        if model_id == "crash":
            raise KeyError("surprise")
        if model_id == "nonsense":
            return {"model": "dict"}
        if model_id not in list_models():
            raise ModelNotFoundError(f"Acme has no model {model_id!r}.")
        return ModelMetadata(model_id, "acmenet", [], model_variant=f"{region}/{api_key}")

    def list_models():
        return ["plates", "letters"]

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="acme", target=get_model, list_models=list_models, works_offline=True)
"""


@pytest.fixture(autouse=True)
def _no_registered_providers():
    yield
    WEIGHTS_PROVIDERS.clear()


def test_a_plugins_provider_is_asked(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    metadata = get_model_from_provider("acme://plates", api_key="k", region="eu")
    assert (metadata.model_id, metadata.model_variant) == ("plates", "eu/k")


def test_an_unknown_id_names_near_ones(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    with pytest.raises(ModelNotFoundError, match=r"Acme has no model 'plate'\. Did you mean 'plates'\? Known: letters"):
        get_model_from_provider("acme://plate")


def test_a_folder_never_takes_a_models_place_and_the_error_says_how_to_name_it(
    install_plugin, tmp_path, monkeypatch
) -> None:
    install_plugin("acme", PROVIDER)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    with pytest.raises(OfflineModeError, match=r"'folder' is also a path here: .*write './folder'"):
        get_model_from_provider("folder")
    with pytest.raises(WeightsProviderNotFoundError, match=r"'folder' is also a path here: .*write './folder'"):
        get_model_from_provider("folder", "acne")
    with pytest.raises(ModelNotFoundError, match=r"write './folder'"):
        get_model_from_provider("acme://folder")


def test_a_bare_id_that_another_provider_lists_is_pointed_out(install_plugin, monkeypatch) -> None:
    install_plugin("acme", PROVIDER)
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    with pytest.raises(OfflineModeError, match="write 'acme://plates'"):
        get_model_from_provider("plates")


def test_a_provider_that_needs_a_network_is_not_asked_for_a_hint(install_plugin) -> None:
    install_plugin("acme", PROVIDER.replace("works_offline=True", "works_offline=False"))
    with pytest.raises(WeightsProviderNotFoundError) as problem:
        get_model_from_provider("plates", "acne")
    assert "acme://plates" not in problem.value.message
    with pytest.raises(ModelNotFoundError, match="Did you mean 'plates'"):
        get_model_from_provider("acme://plate")


def test_a_provider_whose_listing_fails_does_not_hide_the_error_of_another(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    install_plugin("mute", PROVIDER.replace("acme", "mute").replace('return ["plates", "letters"]', "raise OSError"))
    with pytest.raises(ModelNotFoundError, match="Did you mean 'plates'"):
        get_model_from_provider("acme://plate")
    with pytest.raises(WeightsProviderNotFoundError, match="write 'acme://plates'"):
        get_model_from_provider("plates", "acne")


def test_an_id_that_is_too_long_for_a_path_is_an_ordinary_id(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    with pytest.raises(ModelNotFoundError, match="Acme has no model"):
        get_model_from_provider(f"acme://{'a' * 5000}")


def test_a_provider_that_fails_is_named(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    with pytest.raises(ModelRetrievalError, match="provider 'acme' failed on 'crash': KeyError: 'surprise'"):
        get_model_from_provider("acme://crash")
    with pytest.raises(ModelRetrievalError, match=r"answered 'dict'.*must answer a ModelMetadata"):
        get_model_from_provider("acme://nonsense")


def test_an_option_that_the_provider_does_not_take_is_an_error(install_plugin) -> None:
    install_plugin("acme", PROVIDER)
    with pytest.raises(InvalidParameterError, match=r"does not accept regoin=\. Did you mean 'region'"):
        get_model_from_provider("acme://plates", regoin="eu")


def simple(model_id: str, api_key: str | None) -> ModelMetadata:
    return ModelMetadata(model_id, "acmenet", [ModelPackageMetadata("a", "onnx", directory=Path("x"))])


def test_a_provider_can_be_registered_by_call_or_by_table() -> None:
    register_model_provider("My-Models", simple)
    assert get_model_from_provider("my-models://a").model_id == "a"
    WEIGHTS_PROVIDERS["others"] = simple
    assert get_model_from_provider("b", provider="others").model_id == "b"


@pytest.mark.parametrize("asked", ["my_hub", "my-hub", "My.Hub", "my-hub-"])
def test_a_registered_provider_is_one_in_all_spellings_of_its_name(asked: str) -> None:
    register_model_provider("My_Hub", simple)
    assert get_model_from_provider(f"{asked}://a").model_id == "a"
    assert asked in WEIGHTS_PROVIDERS
    register_model_provider(asked, simple)
    assert len(WEIGHTS_PROVIDERS) == 1, "the second registration replaces the first"
    del WEIGHTS_PROVIDERS[asked]
    assert 7 not in WEIGHTS_PROVIDERS
    assert not WEIGHTS_PROVIDERS


def test_a_registered_provider_does_not_shadow_that_of_a_plugin(install_plugin) -> None:
    install_plugin("acme-plugin", PROVIDER)
    register_model_provider("ACME", simple)
    with pytest.raises(
        PluginConflictError,
        match=r"'acme' is declared by acme-plugin 1\.0, .*another name.*INFERENCE_MODELS_DISABLE",
    ):
        get_model_from_provider("acme://plates")
    del WEIGHTS_PROVIDERS["acme"]
    assert get_model_from_provider("acme://plates").model_variant == "us/None"


def test_an_object_that_cannot_be_hashed_can_be_a_provider() -> None:
    @dataclass
    class Provider:
        variant: str

        def __call__(self, model_id: str, api_key: str | None = None) -> ModelMetadata:
            return ModelMetadata(model_id, "yolov8", [], model_variant=self.variant)

    register_model_provider("objects", Provider("small"))
    assert get_model_from_provider("objects://a").model_variant == "small"
    with pytest.raises(InvalidParameterError, match="does not accept page="):
        get_model_from_provider("objects://a", page=1)


class TestListing:
    @pytest.fixture(autouse=True)
    def _one_that_fails(self, install_plugin) -> None:
        install_plugin("acme", PROVIDER)
        broken = PROVIDER.replace("acme", "mute").replace('return ["plates", "letters"]', 'raise OSError("no token")')
        install_plugin("mute", broken)

    def test_one_that_fails_does_not_hide_what_the_others_have(self, caplog) -> None:
        with caplog.at_level(logging.WARNING):
            listed = list_available_models()
        assert listed["acme"] == ["letters", "plates"]
        assert "mute" not in listed
        [record] = caplog.records
        assert "mute" in record.getMessage()
        assert "no token" in record.getMessage()

    def test_asked_for_by_name_it_is_an_error(self) -> None:
        with pytest.raises(ModelRetrievalError, match="'mute' failed to list its models: OSError: no token"):
            list_available_models("mute")
        with pytest.raises(WeightsProviderNotFoundError):
            list_available_models("acne")

    def test_one_that_is_registered_is_known_and_cannot_list(self) -> None:
        register_model_provider("lab", simple)
        with pytest.raises(ModelRetrievalError, match="'lab' cannot list its models"):
            list_available_models("lab")


def test_a_path_as_an_address_is_pointed_out_as_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(WeightsProviderNotFoundError) as problem:
        get_model_from_provider(f"file://{tmp_path}")
    assert problem.value.message.endswith(f"to load it, write {str(tmp_path)!r}.")


@pytest.mark.parametrize("name", [5, "", b"acme"])
def test_only_a_name_names_a_provider(name) -> None:
    with pytest.raises(InvalidParameterError, match="weights_provider= takes the name of one"):
        list_available_models(name)


@pytest.mark.parametrize(
    ("name", "handler"), [("Roboflow", simple), ("local", simple), ("", simple), ("a/b", simple), ("a", 7)]
)
def test_bad_registrations_are_refused_however_they_are_made(name, handler) -> None:
    with pytest.raises(InvalidParameterError):
        register_model_provider(name, handler)
    with pytest.raises(InvalidParameterError):
        WEIGHTS_PROVIDERS[name] = handler
