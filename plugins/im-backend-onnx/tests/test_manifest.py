from __future__ import annotations

from typing import Any

import pytest

from im_backend_onnx.manifest import parse_manifest
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import FileDownloadSpecs, ModelPackageMetadata, ONNXPackageDetails, Quantization

STATIC: dict[str, Any] = {
    "type": "onnx-model-package-v1",
    "backendType": "onnx",
    "dynamicBatchSize": False,
    "staticBatchSize": 4,
    "quantization": "fp32",
    "opset": 17,
    "incompatibleProviders": ["CoreMLExecutionProvider"],
}
DYNAMIC = {"backendType": "onnx", "dynamicBatchSize": True, "quantization": "FP16", "opset": 19}


def package(manifest: dict[str, Any]) -> ModelPackageMetadata:
    files = (FileDownloadSpecs("https://example.com/weights.onnx", "weights.onnx"),)
    return ModelPackageMetadata(package_id="p1", package_artefacts=files, **parse_manifest(manifest))


def test_a_fixed_batch_size() -> None:
    parsed = package(STATIC)

    assert (parsed.backend, parsed.quantization) == ("onnx", Quantization.FP32)
    assert (parsed.static_batch_size, parsed.dynamic_batch_size_supported) == (4, False)
    assert parsed.backend_details == ONNXPackageDetails(opset=17, incompatible_providers=("CoreMLExecutionProvider",))


def test_any_batch_size() -> None:
    parsed = package(DYNAMIC)

    assert (parsed.static_batch_size, parsed.dynamic_batch_size_supported) == (None, True)
    assert parsed.quantization is Quantization.FP16
    assert parsed.backend_details == ONNXPackageDetails(opset=19)


def test_unknown_fields_and_nulls_are_ignored() -> None:
    assert package({**DYNAMIC, "staticBatchSize": None, "incompatibleProviders": None, "new": 1}) == package(DYNAMIC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"backendType": "trt"}, "backendType"),
        ({"backendType": None}, "backendType"),
        ({"dynamicBatchSize": None}, "dynamicBatchSize"),
        ({"dynamicBatchSize": "false"}, "dynamicBatchSize"),
        ({"staticBatchSize": None}, "staticBatchSize"),
        ({"staticBatchSize": 0}, "staticBatchSize"),
        ({"staticBatchSize": -1}, "staticBatchSize"),
        ({"staticBatchSize": True}, "staticBatchSize"),
        ({"staticBatchSize": 1.0}, "staticBatchSize"),
        ({"dynamicBatchSize": True}, "staticBatchSize"),
        ({"quantization": None}, "quantization"),
        ({"quantization": "fp23"}, "quantization"),
        ({"quantization": 32}, "quantization"),
        ({"opset": None}, "opset"),
        ({"opset": "17"}, "opset"),
        ({"opset": 0}, "opset"),
        ({"incompatibleProviders": "CoreMLExecutionProvider"}, "incompatibleProviders"),
        ({"incompatibleProviders": [1]}, "incompatibleProviders"),
    ],
)
def test_what_contradicts_itself_is_refused_by_the_name_of_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}': expected"):
        parse_manifest({**STATIC, **changes})


@pytest.mark.parametrize("field", ["backendType", "dynamicBatchSize", "staticBatchSize", "quantization", "opset"])
def test_what_is_missing_is_refused_by_the_name_of_the_field(field: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}': expected .* got nothing"):
        parse_manifest({name: value for name, value in STATIC.items() if name != field})
