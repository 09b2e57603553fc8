from __future__ import annotations

from pathlib import Path

import pytest

from im_backend_onnx.ranking import rank
from inference_models.developer_tools import Environment, ModelPackageMetadata, ONNXPackageDetails, Request
from inference_models.environment import BackendStatus

GPU_BUILD = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


def order(packages: dict[str, ONNXPackageDetails | None], providers: object = GPU_BUILD) -> list[str]:
    environment = Environment.from_facts(
        backends=[BackendStatus(name="onnx", facts={"execution_providers": providers})],
    )
    made = [
        ModelPackageMetadata(name, "onnx", directory=Path("x"), backend_details=packages[name]) for name in packages
    ]
    made.sort(key=lambda package: rank(package, environment, Request()))
    return [package.package_id for package in made]


def test_the_newer_operator_set_comes_first_and_an_unknown_one_last() -> None:
    packages = {
        "unknown": None,
        "old": ONNXPackageDetails(9),
        "newest": ONNXPackageDetails(21, ["CPUExecutionProvider"]),
    }
    assert order(packages) == ["newest", "old", "unknown"]


def test_then_the_fewest_providers_of_this_build_that_cannot_be_used() -> None:
    two = ("CUDAExecutionProvider", "TensorrtExecutionProvider")
    packages = {
        "two": ONNXPackageDetails(17, two),
        "one": ONNXPackageDetails(17, ["CUDAExecutionProvider", "CUDAExecutionProvider"]),
        "elsewhere": ONNXPackageDetails(
            17, ["CoreMLExecutionProvider", "QNNExecutionProvider", "DmlExecutionProvider"]
        ),
    }
    assert order(packages) == ["elsewhere", "one", "two"]


@pytest.mark.parametrize("providers", [None, 3])
def test_without_facts_about_the_build_the_operator_set_decides(providers: object) -> None:
    packages = {"a": ONNXPackageDetails(16), "b": ONNXPackageDetails(17, ["CUDAExecutionProvider"])}
    assert order(packages, providers) == ["b", "a"]
