"""What a string means: a path on this machine, or an id of which provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_models import AutoModel, DirectLocalStorageAccessError, InvalidParameterError
from inference_models.catalog import current_catalog
from inference_models.developer_tools import register_model_provider
from inference_models.weights_providers import ModelSource, find_source


@pytest.mark.parametrize(
    ("given", "provider", "source"),
    [
        ("acme://plates", None, ModelSource("acme", "plates")),
        ("ACME://line-7/defects@4", None, ModelSource("acme", "line-7/defects@4")),
        ("acme://plates", "acme", ModelSource("acme", "plates")),
        ("my_hub://plates", None, ModelSource("my-hub", "plates")),
        ("My.Hub-://plates", "my_hub", ModelSource("my-hub", "plates")),
        ("plates", "my__hub", ModelSource("my-hub", "plates")),
        ("yolov8n-640", None, ModelSource("roboflow", "yolov8n-640")),
        ("ws/project/3", "Acme", ModelSource("acme", "ws/project/3")),
        ("./model", None, ModelSource("local", "model")),
        ("../model", None, ModelSource("local", "../model")),
        ("~/model", None, ModelSource("local", str(Path.home() / "model"))),
        ("/srv/model", None, ModelSource("local", "/srv/model")),
        ("C:\\models\\a", None, ModelSource("local", "C:\\models\\a")),
        (Path("model"), None, ModelSource("local", "model")),
        ("model", "local", ModelSource("local", "model")),
    ],
)
def test_what_a_string_means(given, provider, source) -> None:
    assert find_source(given, provider) == source


@pytest.mark.parametrize("given", ["", "  ", "a\0b", None, 7, "acme://"])
def test_what_names_no_model(given) -> None:
    with pytest.raises(InvalidParameterError):
        find_source(given)


@pytest.mark.parametrize("given", ["~nobody-of-this-name/model", Path("~nobody-of-this-name/model")])
def test_the_home_of_an_unknown_user_is_an_error(given) -> None:
    with pytest.raises(InvalidParameterError, match="a user that this machine does not know"):
        find_source(given)


@pytest.mark.parametrize("name", ["", 7])
def test_a_provider_is_named_by_text(name) -> None:
    with pytest.raises(InvalidParameterError, match="weights_provider="):
        find_source("yolov8n-640", name)


def test_two_providers_at_once_contradict_each_other() -> None:
    with pytest.raises(InvalidParameterError, match=r"'acme'.*weights_provider='roboflow'"):
        find_source("acme://plates", "roboflow")


# As the lookup of a provider by its name has it: case and any of -_. at the ends make no difference.
SPELLINGS_OF_LOCAL = ["local", "LOCAL", "local.", "Local_", "local-._"]


@pytest.mark.parametrize("name", SPELLINGS_OF_LOCAL)
def test_a_path_is_a_path_in_every_spelling_of_its_provider(name: str, tmp_path: Path) -> None:
    assert find_source(f"{name}://{tmp_path}").is_local
    assert find_source("model", name) == ModelSource("local", "model")
    with pytest.raises(DirectLocalStorageAccessError):
        AutoModel.from_pretrained(f"{name}://{tmp_path}", allow_direct_local_storage_loading=False)


@pytest.mark.parametrize("name", [*SPELLINGS_OF_LOCAL, "roboflow.", "Roboflow_"])
def test_nobody_else_takes_a_spelling_of_the_cores_own_providers(name: str, install_plugin) -> None:
    with pytest.raises(InvalidParameterError, match="reserved"):
        register_model_provider(name, print)
    install_plugin(
        "im-squatter",
        f"""
        from inference_models.developer_tools import WeightsProviderSpec, hookimpl

        @hookimpl
        def im_weights_providers():
            return WeightsProviderSpec(name={name!r}, target=print)
        """,
    )
    assert current_catalog().provider("local").plugin.distribution == "im-core"
    assert current_catalog().provider("roboflow").plugin.distribution == "im-core"
