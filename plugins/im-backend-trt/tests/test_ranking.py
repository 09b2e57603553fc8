from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_backend_trt.ranking import os_slug, rank
from inference_models.developer_tools import Environment, ModelPackageMetadata, Request, TRTPackageDetails
from inference_models.environment import Gpu, Host, Jetson
from inference_models.negotiation.ranking import comparable

HOST = Host(os="Ubuntu 22.04.4 LTS", machine="x86_64", python="", cpus=1, available_cpus=1, memory_bytes=None)
GPUS = [Gpu(index=number, name="NVIDIA L4", compute_capability="8.9") for number in range(2)]
GPUS.append(Gpu(index=2, name="NVIDIA L40S", compute_capability="8.9"))
SERVER = Environment.from_facts(gpus=GPUS, host=HOST, driver_version="560.35.05")
ORIN = Environment.from_facts(host=HOST, jetson=Jetson("nvidia-jetson-orin-nx", None, "36.4.0"))
DETAILS: dict[str, Any] = {
    "trt_version": "10.12.0.36",
    "device_name": "nvidia-l4",
    "compute_capability": "8.9",
    "cuda_version": "12.6",
    "driver_version": "560.35.05",
    "os_version": "ubuntu-22.04",
    "l4t_version": "36.4.0",
    "jetson_module": "nvidia-jetson-orin-nx",
}


def key(environment: Environment = SERVER, largest: int | None = 8, **changes: Any) -> tuple[Any, ...]:
    package = ModelPackageMetadata(
        "p",
        "trt",
        directory=Path(),
        dynamic_batch_size_supported=True,
        min_dynamic_batch_size=1,
        max_dynamic_batch_size=largest,
        backend_details=TRTPackageDetails(**{**DETAILS, **changes}),
    )
    return comparable(rank(package, environment, Request()))


@pytest.mark.parametrize(
    "worse",
    [
        {"trt_forward_compatible": True},
        {"same_cc_compatible": True},
        {"device_name": "nvidia-l40s"},  # one of them and two of the others
        {"cuda_version": "12.8"},
        {"cuda_version": None},
        {"trt_version": "10.13.0.35"},
        {"trt_version": None},
        {"largest": 4},
        {"trt_lean_runtime_excluded": True},
        {"os_version": "ubuntu-24.04"},
        {"driver_version": "550.54.15"},
    ],
)
def test_what_makes_an_engine_worse(worse: dict[str, Any]) -> None:
    assert key() < key(**worse)


@pytest.mark.parametrize("worse", [{"jetson_module": "nvidia-jetson-agx-orin"}, {"l4t_version": "36.3.0"}])
def test_on_a_jetson_its_module_and_release_count(worse: dict[str, Any]) -> None:
    assert key(ORIN) < key(ORIN, **worse)


def test_exact_comes_before_compatible_whatever_else_is_better() -> None:
    assert key(cuda_version="13.0", largest=1, driver_version=None) < key(trt_forward_compatible=True)


def test_a_package_that_says_nothing_comes_last() -> None:
    silent = ModelPackageMetadata("p", "trt", directory=Path())
    assert key(trt_forward_compatible=True) < comparable(rank(silent, SERVER, Request()))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ubuntu 22.04.4 LTS", "ubuntu-22.04"),
        ("Debian GNU/Linux 12 (bookworm)", "debian-12"),
        ("macOS 15.1", "macos-15.1"),
        ("Linux", "linux"),
        ("", ""),
    ],
)
def test_operating_systems_as_packages_write_them(name: str, slug: str) -> None:
    assert os_slug(name) == slug
