"""Specs are frozen, checked, and import nothing until they are resolved."""

from __future__ import annotations

import sys

import pytest
from attrs.exceptions import FrozenInstanceError

from inference_models.errors import ModelImplementationNotFoundError
from inference_models.specs import (
    SESSION_BACKENDS,
    BackendSpec,
    LazyClass,
    ModelSpec,
    PipelineSpec,
    RegistryEntry,
    WeightsProviderSpec,
    resolve,
)

ANYWHERE = LazyClass("nowhere", "Nothing")


def test_a_lazy_class_imports_its_module_when_it_is_resolved(tmp_path, monkeypatch) -> None:
    (tmp_path / "late_module.py").write_text("class Model: ...\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    target = LazyClass("late_module", "Model")
    assert "late_module" not in sys.modules
    assert resolve(target).__name__ == "Model"


@pytest.mark.parametrize("target", [ANYWHERE, LazyClass("json", "no_such_name")])
def test_a_lazy_class_that_cannot_be_imported_names_itself(target: LazyClass) -> None:
    with pytest.raises(ModelImplementationNotFoundError, match=str(target)) as caught:
        target.resolve()
    assert isinstance(caught.value.__cause__, ImportError | AttributeError)


def test_a_target_may_be_the_function_itself() -> None:
    assert resolve(len) is len


@pytest.mark.parametrize("target", ["acme.model.Net", None])
def test_a_target_is_nothing_else(target: object) -> None:
    with pytest.raises(TypeError, match=r'target of PipelineSpec must be LazyClass\("module", "name"\) or a function'):
        PipelineSpec(id="read-plates", target=target)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="check of BackendSpec must be"):
        BackendSpec(name="b", priority=1, detect=dict, check="acme.check")  # type: ignore[arg-type]


def test_specs_are_frozen_and_keyword_only() -> None:
    spec = ModelSpec(architectures="a", task_type="t", backends="b", target=ANYWHERE)
    with pytest.raises(FrozenInstanceError):
        spec.task_type = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        PipelineSpec("read-plates", ANYWHERE)  # type: ignore[call-arg,misc]


def test_a_pipeline_names_all_of_its_places_or_none() -> None:
    spec = PipelineSpec(id="p", target=ANYWHERE, default_models=["a", None], places=["detector", "reader"])
    assert spec.places == ("detector", "reader")
    for wrong in (["detector"], ["detector", ""]):
        with pytest.raises(ValueError, match="places"):
            PipelineSpec(id="p", target=ANYWHERE, default_models=["a", None], places=wrong)


def test_one_name_may_be_given_for_a_list_of_names() -> None:
    spec = ModelSpec(architectures="a", task_type="t", backends=["onnx", "trt"], target=ANYWHERE)
    assert (spec.architectures, spec.backends) == (("a",), ("onnx", "trt"))


def test_any_backend_with_sessions_stands_beside_names_and_is_no_name_itself() -> None:
    spec = ModelSpec(architectures="a", task_type="t", backends=(SESSION_BACKENDS, "torch"), target=ANYWHERE)
    assert spec.backends == (SESSION_BACKENDS, "torch")
    for wrong in ({"architectures": SESSION_BACKENDS}, {"backends": f"{SESSION_BACKENDS}s"}):
        with pytest.raises(ValueError, match="must match"):
            ModelSpec(**{"architectures": "a", "task_type": "t", "backends": "b", "target": ANYWHERE, **wrong})
    with pytest.raises(ValueError, match="must match"):
        BackendSpec(name=SESSION_BACKENDS, priority=1, detect=dict)


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a://b", "a\n"])
def test_keys_are_plain_names(name: str) -> None:
    with pytest.raises(ValueError, match="must match"):
        WeightsProviderSpec(name=name, target=ANYWHERE)


def test_default_quantizations_are_checked() -> None:
    spec = BackendSpec(name="b", priority=1, detect=dict, default_quantizations={"cpu": ["fp32"]})
    assert spec.default_quantizations == {"cpu": frozenset({"fp32"})}
    with pytest.raises(ValueError, match="fp13"):
        BackendSpec(name="b", priority=1, detect=dict, default_quantizations={"cpu": ["fp13"]})


def test_options_that_ask_for_a_backend_are_among_its_options() -> None:
    spec = BackendSpec(name="b", priority=1, detect=dict, session_options={"lanes", "units"}, selecting_options="units")
    assert spec.selecting_options == {"units"}
    with pytest.raises(ValueError, match="selecting_options holds 'unit', which is not among session_options"):
        BackendSpec(name="b", priority=1, detect=dict, session_options="units", selecting_options={"units", "unit"})


def test_a_registry_table_becomes_specs() -> None:
    plain, with_features = ModelSpec.from_registry(
        {
            ("yolov8", "object-detection", "onnx"): ANYWHERE,
            ("yolov8", "object-detection", "trt"): RegistryEntry(ANYWHERE, supported_model_features={"nms_fused"}),
        }
    )
    assert plain == ModelSpec(architectures="yolov8", task_type="object-detection", backends="onnx", target=ANYWHERE)
    assert with_features.supported_model_features == {"nms_fused"}
