from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_backend_trt.manifest import parse_manifest
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import ModelPackageMetadata, TRTPackageDetails

SERVER: dict[str, Any] = {
    "type": "trt-model-package-v1",
    "backendType": "trt",
    "dynamicBatchSize": True,
    "minBatchSize": 1,
    "optBatchSize": 8,
    "maxBatchSize": 16,
    "quantization": "fp16",
    "cudaDeviceType": "nvidia-l4",
    "cudaDeviceCC": "8.9",
    "cudaVersion": "12.6",
    "trtVersion": "10.12.0.36",
    "sameCCCompatible": True,
    "trtForwardCompatible": False,
    "trtLeanRuntimeExcluded": False,
    "machineType": "gpu-server",
    "machineSpecs": {
        "type": "gpu-server-specs-v1",
        "driverVersion": "550.54.15",
        "osVersion": "ubuntu-22.04",
    },
}
JETSON: dict[str, Any] = {
    "type": "trt-model-package-v1",
    "backendType": "trt",
    "dynamicBatchSize": False,
    "staticBatchSize": 1,
    "quantization": "fp16",
    "cudaDeviceType": "Orin",
    "cudaDeviceCC": "8.7",
    "cudaVersion": "12.6",
    "trtVersion": "10.3.0.30",
    "machineType": "jetson",
    "machineSpecs": {
        "type": "jetson-machine-specs-v1",
        "l4tVersion": "36.4.0",
        "deviceName": "nvidia-jetson-orin-nx",
        "driverVersion": "540.4.0",
    },
}


def test_an_engine_for_a_server() -> None:
    fields = parse_manifest(SERVER)
    details = fields.pop("backend_details")
    assert fields == {
        "backend": "trt",
        "quantization": "fp16",
        "dynamic_batch_size_supported": True,
        "static_batch_size": None,
        "min_dynamic_batch_size": 1,
        "max_dynamic_batch_size": 16,
    }
    assert details == TRTPackageDetails(
        trt_version="10.12.0.36",
        device_name="nvidia-l4",
        compute_capability="8.9",
        cuda_version="12.6",
        driver_version="550.54.15",
        os_version="ubuntu-22.04",
        same_cc_compatible=True,
        opt_dynamic_batch_size=8,
    )


def test_an_engine_for_a_jetson() -> None:
    fields = parse_manifest(JETSON)
    assert (fields["dynamic_batch_size_supported"], fields["static_batch_size"]) == (False, 1)
    assert fields["backend_details"] == TRTPackageDetails(
        trt_version="10.3.0.30",
        device_name="orin",
        compute_capability="8.7",
        cuda_version="12.6",
        driver_version="540.4.0",
        l4t_version="36.4.0",
        jetson_module="nvidia-jetson-orin-nx",
    )


def test_a_package_is_made_of_it(tmp_path: Path) -> None:
    package = ModelPackageMetadata(package_id="p", directory=tmp_path, **parse_manifest(SERVER))
    assert package.batch_summary == "1-16"


def test_what_nobody_stated_is_not_known() -> None:
    kept = ("type", "backendType", "dynamicBatchSize", "staticBatchSize", "quantization")
    fields = parse_manifest({key: JETSON[key] for key in kept})
    assert fields["backend_details"] == TRTPackageDetails()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"backendType": "onnx"}, "backendType"),
        ({"dynamicBatchSize": "yes"}, "dynamicBatchSize"),
        ({"staticBatchSize": 4}, "staticBatchSize"),
        ({"minBatchSize": None}, "minBatchSize"),
        ({"optBatchSize": 0}, "optBatchSize"),
        ({"optBatchSize": 32}, "optBatchSize"),
        ({"maxBatchSize": True}, "maxBatchSize"),
        ({"dynamicBatchSize": False}, "staticBatchSize"),
        ({"quantization": "fp7"}, "quantization"),
        ({"quantization": 16}, "quantization"),
        ({"trtVersion": "ten"}, "trtVersion"),
        ({"cudaVersion": 12.6}, "cudaVersion"),
        ({"cudaDeviceCC": ""}, "cudaDeviceCC"),
        ({"cudaDeviceType": ["nvidia-l4"]}, "cudaDeviceType"),
        ({"sameCCCompatible": "true"}, "sameCCCompatible"),
        ({"trtForwardCompatible": 1}, "trtForwardCompatible"),
        ({"machineType": "laptop"}, "machineType"),
        ({"machineType": ["jetson"]}, "machineType"),
        ({"machineType": "jetson"}, "machineSpecs"),
        ({"machineSpecs": None}, "machineSpecs"),
        ({"machineSpecs": {"type": "gpu-server-specs-v1", "driverVersion": "new"}}, "driverVersion"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match=f"field '{field}': expected"):
        parse_manifest({**SERVER, **changes})
