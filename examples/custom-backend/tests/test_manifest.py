"""What `im compile` writes about a package is what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from custom_backend.manifest import OpenVINOPackageDetails, make_manifest, parse_manifest
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ModelPackageMetadata, Quantization

MANIFEST = make_manifest("2026.4.1", Quantization.FP16, (1, 8))


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ((1, 8), {"dynamic_batch_size_supported": True, "min_dynamic_batch_size": 1, "max_dynamic_batch_size": 8}),
        ((None, None), {"dynamic_batch_size_supported": True, "static_batch_size": None}),
        ((4, 4), {"dynamic_batch_size_supported": False, "static_batch_size": 4, "max_dynamic_batch_size": None}),
    ],
)
def test_what_is_written_is_read(batch, expected) -> None:
    fields = parse_manifest(make_manifest("2026.4.1", Quantization.FP16, batch))
    assert expected.items() <= fields.items()
    package = ModelPackageMetadata(package_id="p", directory=Path(), **fields)
    assert (package.backend, package.quantization) == ("openvino", Quantization.FP16)
    assert package.backend_details == OpenVINOPackageDetails("2026.4.1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backendType", "onnx"),
        ("openvinoVersion", None),
        ("openvinoVersion", 2026),
        ("quantization", "fp12"),
        ("quantization", None),
        ("minBatchSize", 0),
        ("minBatchSize", 9),
        ("maxBatchSize", True),
        ("maxBatchSize", "8"),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}'"):
        parse_manifest({**MANIFEST, field: value})
