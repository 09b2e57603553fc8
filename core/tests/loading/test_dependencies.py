"""Models that need other models: one level deep, with parameters of their own."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from inference_models import AutoModel
from inference_models.errors import (
    DirectLocalStorageAccessError,
    InvalidParameterError,
    ModelLoadingError,
    ModelNotFoundError,
)

PLUGIN = """
    from pathlib import Path
    from inference_models import ModelNotFoundError
    from inference_models.developer_tools import (
        BackendSpec, LazyClass, ModelDependency, ModelMetadata, ModelPackageMetadata, ModelSpec, WeightsProviderSpec,
        hookimpl,
    )

    CLOSED = []
    NEEDS = {
        "reader": [ModelDependency("letters", "alphabet"), ModelDependency("digits", "numbers", "big")],
        "deep": [ModelDependency("reader", "reader")],
        "broken": [ModelDependency("gone", "nowhere")],
        "sly": [ModelDependency("spy", str(Path(__file__).parent))],
        "alphabet": [], "numbers": [],
    }

    def get_model(model_id, api_key=None):
        if model_id not in NEEDS:
            raise ModelNotFoundError(f"no {model_id}")
        packages = [
            ModelPackageMetadata(name, "own", trusted_source=True, directory=Path(__file__).parent)
            for name in ("big", "small")
        ]
        architecture = "loner" if api_key == "loner" and model_id == "reader" else "reader"
        return ModelMetadata(model_id, architecture, packages, task_type="read", model_dependencies=NEEDS[model_id])

    class Reader:
        def __init__(self, **facts):
            self.__dict__.update(facts)

        @classmethod
        def from_pretrained(cls, path, *, package, device=None, model_dependencies=None, loud=False, fail=False):
            if fail:
                raise KeyError("page 1")
            return cls(package_id=package.package_id, device=device, needs=model_dependencies, loud=loud)

        def close(self):
            CLOSED.append(self.package_id)

    class Loner:
        @classmethod
        def from_pretrained(cls, path):
            return cls()

    @hookimpl
    def im_weights_providers():
        return WeightsProviderSpec(name="books", target=get_model, works_offline=True)

    @hookimpl
    def im_backends():
        return BackendSpec(name="own", priority=1, detect=dict)

    @hookimpl
    def im_models():
        for name in ("Reader", "Loner"):
            yield ModelSpec(
                architectures=name.lower(), task_type="read", backends="own", target=LazyClass(__name__, name)
            )
"""


@pytest.fixture(autouse=True)
def _books(install_plugin) -> None:
    install_plugin("books", PLUGIN)


def test_what_a_model_needs_is_loaded_and_handed_over_by_name() -> None:
    model = AutoModel.from_pretrained("books://reader", device="cpu")
    assert {name: needed.package_id for name, needed in model.needs.items()} == {"letters": "big", "digits": "big"}
    assert {needed.device for needed in model.needs.values()} == {"cpu"}
    assert model.needs["letters"].needs is None


def test_parameters_are_for_single_dependencies_and_cannot_change_which_package_was_stated() -> None:
    parameters = {"letters": {"loud": True, "model_package_id": "small", "device": "npu"}}
    model = AutoModel.from_pretrained("books://reader", dependency_models_params=parameters)
    assert (model.needs["letters"].loud, model.needs["letters"].device) == (True, "npu")
    assert (model.needs["digits"].loud, model.loud) == (False, False)
    assert model.needs["digits"].package_id == "big"


def test_parameters_for_an_unknown_dependency_are_an_error() -> None:
    with pytest.raises(InvalidParameterError, match=r"names 'leters', which is no dependency.*Did you mean 'letters'"):
        AutoModel.from_pretrained("books://reader", dependency_models_params={"leters": {}})
    with pytest.raises(InvalidParameterError, match=r"names 'letters', which is no dependency.*None is known"):
        AutoModel.from_pretrained("books://alphabet", dependency_models_params={"letters": {}})


@pytest.mark.parametrize("ask", [AutoModel.from_pretrained, AutoModel.explain])
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (5, "not 'int'"),
        ([("letters", {})], "not 'list'"),
        ({"letters": 5}, "what it has for 'letters' is no mapping"),
        ({"letters": {5: True}}, "what it has for 'letters' is no mapping"),
        ({5: {}}, "5 is no name"),
        ({"leters": {}}, "names 'leters', which is no dependency"),
    ],
)
def test_parameters_that_make_no_sense_are_an_error(ask: Any, parameters: object, expected: str) -> None:
    with pytest.raises(InvalidParameterError, match="dependency_models_params=") as caught:
        ask("books://reader", dependency_models_params=parameters)
    assert expected in caught.value.message


def test_an_error_about_parameters_shows_no_key() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        AutoModel.explain("books://reader", dependency_models_params={"letters": [{"api_key": "canary"}]})
    assert "canary" not in caught.value.message


def test_no_parameters_are_no_parameters() -> None:
    for nothing in (None, {}):
        assert AutoModel.explain("books://reader", dependency_models_params=nothing).candidates
        assert AutoModel.from_pretrained("books://reader", dependency_models_params=nothing)


def test_dependencies_go_one_level_deep() -> None:
    with pytest.raises(InvalidParameterError, match=r"needs other models \(letters, digits\)"):
        AutoModel.from_pretrained("books://deep")
    with pytest.raises(InvalidParameterError, match="allow_loading_dependency_models=False"):
        AutoModel.from_pretrained("books://reader", allow_loading_dependency_models=False)


def test_a_dependency_that_is_not_there_is_its_own_error() -> None:
    with pytest.raises(ModelNotFoundError, match="no nowhere"):
        AutoModel.from_pretrained("books://broken")


def test_a_class_that_takes_no_dependencies_is_given_none() -> None:
    assert type(AutoModel.from_pretrained("books://reader", api_key="loner")).__name__ == "Loner"


def test_a_provider_cannot_name_a_path_of_this_machine_as_a_dependency() -> None:
    parameters = {"spy": {"allow_direct_local_storage_loading": True}}
    with pytest.raises(DirectLocalStorageAccessError, match="is a path"):
        AutoModel.from_pretrained("books://sly", dependency_models_params=parameters)


@pytest.mark.parametrize(
    ("failing", "closed"),
    [({"fail": True}, ["big", "big"]), ({"dependency_models_params": {"digits": {"fail": True}}}, ["big"])],
)
def test_dependencies_that_are_of_no_use_are_closed(failing: dict[str, object], closed: list[str]) -> None:
    with pytest.raises(ModelLoadingError):
        AutoModel.from_pretrained("books://reader", **failing)
    actually_closed = sys.modules["books"].CLOSED
    assert actually_closed == closed


def test_dependencies_that_are_needed_stay_open() -> None:
    AutoModel.from_pretrained("books://reader")
    assert sys.modules["books"].CLOSED == []
