from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_models.describe import model_to_dict, print_model, print_plan
from inference_models.environment import BackendStatus, Environment
from inference_models.metadata import (
    FileDownloadSpecs,
    ModelDependency,
    ModelMetadata,
    ModelPackageMetadata,
    RecommendedParameters,
)
from inference_models.negotiation import make_request, negotiate
from inference_models.negotiation.plan import Plan

Printed = Callable[..., str]
MakePlan = Callable[..., Plan]

FILE = FileDownloadSpecs("https://host/weights.onnx?token=SECRET", "weights.onnx", "0" * 32)
ONNX = ModelPackageMetadata("onnx-1", "onnx", [FILE], static_batch_size=4, quantization="fp16")
LOCAL = ModelPackageMetadata(
    "odd[red]", "acme-npu", directory=Path("/models/x"), trusted_source=True, model_features={"nms": True}
)
MODEL = ModelMetadata(
    "shapes/3",
    "yolov8",
    [ONNX, LOCAL],
    task_type="object-detection",
    model_variant="yolov8n",
    model_dependencies=[ModelDependency("reader", "team://letters")],
    recommended_parameters=RecommendedParameters(confidence=0.37),
)


def test_the_model(printed: Printed) -> None:
    text = printed(print_model, MODEL)
    for fact in ("shapes/3", "yolov8", "yolov8n", "object-detection", "0.37", "reader: team://letters"):
        assert fact in text
    rows = text.splitlines()
    assert [" ".join(row.split()) for row in rows[-2:]] == [
        "onnx-1 onnx fp16 4 no weights.onnx",
        f"odd[red] acme-npu unknown ? yes in {Path('/models/x')} nms: yes",
    ]


def test_sizes_where_they_are_known(printed: Printed) -> None:
    sized = ModelPackageMetadata("sized", "onnx", [FileDownloadSpecs("https://h/a", "a", size=2_600_000)])
    rows = [" ".join(row.split()) for row in printed(print_model, ModelMetadata("m", "y", [sized, ONNX])).splitlines()]
    assert rows[-2:] == ["sized onnx unknown ? no 2.6 MB a", "onnx-1 onnx fp16 4 no ? weights.onnx"]
    assert "size" not in printed(print_model, ModelMetadata("m", "y", [ONNX]))


def test_a_model_without_packages(printed: Printed) -> None:
    assert "Its provider lists no packages." in printed(print_model, ModelMetadata("m", "yolov8", []))


def test_no_features_no_column(printed: Printed) -> None:
    assert "features" not in printed(print_model, ModelMetadata("m", "yolov8", [ONNX]))


def test_addresses_with_their_keys_never_show(printed: Printed) -> None:
    assert "SECRET" not in printed(print_model, MODEL)
    assert "SECRET" not in json.dumps(model_to_dict(MODEL))


def test_plain_values() -> None:
    values = model_to_dict(MODEL)
    assert values["model_id"] == "shapes/3"
    assert values["recommended_parameters"] == {"confidence": 0.37, "per_class_confidence": None}
    assert values["model_dependencies"] == [{"name": "reader", "model_id": "team://letters", "model_package_id": None}]
    assert [package["package_id"] for package in values["packages"]] == ["onnx-1", "odd[red]"]
    assert values["packages"][0]["files"] == ["weights.onnx"]
    assert values["packages"][1]["directory"] == str(Path("/models/x"))


BACKEND_AND_MODEL = """
from inference_models.developer_tools import BackendSpec, LazyClass, ModelSpec, hookimpl

@hookimpl
def im_backends():
    return BackendSpec(name="onnx", priority=600, detect=dict)

@hookimpl
def im_models():
    target = LazyClass("acme.detector", "Detector")
    return ModelSpec(architectures="yolov8", task_type="object-detection", backends="onnx", target=target)
"""


@pytest.fixture
def make_plan(install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> MakePlan:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "acme")
    install_plugin("acme", BACKEND_AND_MODEL)

    def call(**request: Any) -> Plan:
        from inference_models.catalog import current_catalog

        environment = Environment.from_facts(backends=[BackendStatus(name="onnx", priority=600)])
        return negotiate(MODEL, current_catalog(), environment, make_request(**request))

    return call


def test_every_package_of_a_plan_has_its_verdict(make_plan: MakePlan, printed: Printed) -> None:
    text = printed(print_plan, make_plan(allow_untrusted_packages=True))
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert "1 onnx-1 onnx fp16 4 usable with acme 1.0" in rows
    assert "- odd[red] acme-npu unknown ? rejected: no installed plugin provides the backend 'acme-npu'" in rows
    assert "cannot be loaded" not in text


def test_a_plan_without_candidates_says_so(make_plan: MakePlan, printed: Printed) -> None:
    text = printed(print_plan, make_plan(allow_untrusted_packages=False))
    assert "The model cannot be loaded: none of its packages can be used here." in text
    assert "rejected: its provider does not mark it as trusted" in text


def test_plugins_with_problems_are_noted(
    make_plan: MakePlan, install_plugin: Callable[..., Path], printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ONLY_PLUGINS", "acme,bad")
    install_plugin("bad", "raise RuntimeError('[red]nope')")
    assert "bad 1.0 (import): RuntimeError: [red]nope" in printed(print_plan, make_plan())
