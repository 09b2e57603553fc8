from __future__ import annotations

from typing import Any

import pytest

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ManifestFields, Quantization


@pytest.mark.parametrize(
    ("stated", "size"), [({"dynamicBatchSize": True}, None), ({"dynamicBatchSize": False, "staticBatchSize": 4}, 4)]
)
def test_batch_sizes(stated: dict[str, Any], size: int | None) -> None:
    assert ManifestFields(stated).static_batch_size() == size


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({}, "'dynamicBatchSize': expected true or false, got nothing"),
        ({"dynamicBatchSize": 1}, "'dynamicBatchSize': expected true or false, got 1"),
        ({"dynamicBatchSize": False}, "above 0, as dynamicBatchSize is false, got nothing"),
        ({"dynamicBatchSize": False, "staticBatchSize": True}, "above 0, as dynamicBatchSize is false, got True"),
        ({"dynamicBatchSize": True, "staticBatchSize": 1}, "expected nothing, as dynamicBatchSize is true, got 1"),
    ],
)
def test_batch_sizes_that_say_nothing_or_two_things(stated: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=message):
        ManifestFields(stated).static_batch_size()


def test_quantization_is_read_in_any_case() -> None:
    assert ManifestFields({"quantization": "FP16"}).quantization() is Quantization.FP16


@pytest.mark.parametrize("value", [None, 16, "fp17"])
def test_another_quantization_is_an_error(value: object) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"^ONNX package manifest, field 'quantization'.*{value}"):
        ManifestFields({"quantization": value}, "ONNX package manifest").quantization()


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None])
def test_what_is_no_count_is_an_error(value: object) -> None:
    with pytest.raises(CorruptedModelPackageError, match="'opset': expected a whole number above 0, got"):
        ManifestFields({"opset": value}).count("opset")


def test_the_backend_goes_by_any_of_its_names() -> None:
    fields = ManifestFields({"backendType": "npu"})
    fields.require_backend("acme-npu", "npu")
    with pytest.raises(CorruptedModelPackageError, match="'backendType': expected 'acme-gpu', got 'npu'"):
        fields.require_backend("acme-gpu", "gpu")
