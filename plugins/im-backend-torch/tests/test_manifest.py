from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from im_backend_torch.manifest import parse_torch, parse_torch_script
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import (
    FileDownloadSpecs,
    ModelPackageMetadata,
    Quantization,
    TorchScriptPackageDetails,
)

TORCH = {"type": "torch-model-package-v1", "backendType": "torch", "dynamicBatchSize": True, "quantization": "fp32"}
SCRIPT = {
    "type": "torch-script-model-package-v1",
    "backendType": "torch-script",
    "dynamicBatchSize": False,
    "staticBatchSize": 8,
    "quantization": "fp32",
    "supportedDeviceTypes": ["cpu", "CUDA"],
    "torchVersion": "2.6.0",
    "torchVisionVersion": "0.21.0",
}


def package(parse: Callable[..., Any], manifest: dict[str, Any]) -> ModelPackageMetadata:
    files = (FileDownloadSpecs("https://example.com/weights", "weights"),)
    return ModelPackageMetadata(package_id="p1", package_artefacts=files, **parse(manifest))


def test_a_pytorch_package() -> None:
    parsed = package(parse_torch, TORCH)

    assert (parsed.backend, parsed.quantization) == ("torch", Quantization.FP32)
    assert (parsed.static_batch_size, parsed.dynamic_batch_size_supported) == (None, True)
    assert parsed.backend_details is None


def test_a_torchscript_package() -> None:
    parsed = package(parse_torch_script, SCRIPT)

    assert (parsed.backend, parsed.static_batch_size, parsed.dynamic_batch_size_supported) == ("torch-script", 8, False)
    assert parsed.backend_details == TorchScriptPackageDetails(
        supported_device_types={"cpu", "cuda"}, torch_version="2.6.0", torch_vision_version="0.21.0"
    )


def test_unknown_fields_and_nulls_are_ignored() -> None:
    without = {name: value for name, value in SCRIPT.items() if name != "torchVisionVersion"}
    assert package(parse_torch_script, {**SCRIPT, "torchVisionVersion": None, "new": 1}) == package(
        parse_torch_script, without
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"backendType": "torch"}, "backendType"),
        ({"dynamicBatchSize": None}, "dynamicBatchSize"),
        ({"dynamicBatchSize": "false"}, "dynamicBatchSize"),
        ({"dynamicBatchSize": True}, "staticBatchSize"),
        ({"staticBatchSize": None}, "staticBatchSize"),
        ({"staticBatchSize": 0}, "staticBatchSize"),
        ({"staticBatchSize": True}, "staticBatchSize"),
        ({"quantization": None}, "quantization"),
        ({"quantization": "fp23"}, "quantization"),
        ({"supportedDeviceTypes": None}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": []}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": "cpu"}, "supportedDeviceTypes"),
        ({"supportedDeviceTypes": [1]}, "supportedDeviceTypes"),
        ({"torchVersion": None}, "torchVersion"),
        ({"torchVersion": 2.6}, "torchVersion"),
        ({"torchVersion": "latest"}, "torchVersion"),
        ({"torchVisionVersion": "any"}, "torchVisionVersion"),
    ],
)
def test_what_contradicts_itself_is_refused_by_the_name_of_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}': expected"):
        parse_torch_script({**SCRIPT, **changes})


@pytest.mark.parametrize("field", ["backendType", "dynamicBatchSize", "quantization"])
def test_what_is_missing_is_refused_by_the_name_of_the_field(field: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}': expected .* got nothing"):
        parse_torch({name: value for name, value in TORCH.items() if name != field})
