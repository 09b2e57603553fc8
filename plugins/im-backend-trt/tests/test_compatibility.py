from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_backend_trt.compatibility import check
from inference_models.developer_tools import Environment, ModelPackageMetadata, Request, TRTPackageDetails
from inference_models.environment import BackendStatus, Gpu, Jetson

L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")
T4 = Gpu(index=1, name="Tesla T4", compute_capability="7.5")
DETAILS: dict[str, Any] = {
    "trt_version": "10.12.0.36",
    "device_name": "nvidia-l4",
    "compute_capability": "8.9",
    "cuda_version": "12.6",
    "driver_version": "550.54.15",
    "os_version": "ubuntu-22.04",
}
ON_ORIN: dict[str, Any] = {
    "trt_version": "10.3.0.30",
    "device_name": "orin",
    "compute_capability": "8.7",
    "cuda_version": "12.6",
    "l4t_version": "36.4.0",
    "jetson_module": "nvidia-jetson-orin-nx",
}


def machine(*gpus: Gpu, runtimes: dict[str, str] | None = None, cuda: int | None = 12, **facts: Any) -> Environment:
    known = {"runtimes": runtimes or {"full": "10.12.0.36"}, "cuda": cuda}
    facts = {"driver_version": "560.35.05", "cuda_version": "12.6", **facts}
    return Environment.from_facts(backends=[BackendStatus(name="trt", facts=known)], gpus=gpus, **facts)


def orin(l4t: str | None = "36.4.3", module: str | None = "nvidia-jetson-orin-nx", gpus: Any = ()) -> Environment:
    jetson = Jetson(module, None, l4t)
    return machine(*gpus, runtimes={"full": "10.3.0"}, jetson=jetson, cuda_version=None, driver_version=None)


def reason(environment: Environment, details: dict[str, Any] | None = None, **request: Any) -> str | None:
    package = ModelPackageMetadata(
        "p", "trt", directory=Path(), backend_details=TRTPackageDetails(**(DETAILS if details is None else details))
    )
    return check(package, environment, Request(**request))


class TestItRuns:
    @pytest.mark.parametrize("device", [None, "cuda", "cuda:0"])
    def test_where_it_was_built(self, device: str | None) -> None:
        assert reason(machine(L4), device=device) is None

    def test_beside_another_gpu(self) -> None:
        assert reason(machine(L4, T4)) is None
        assert reason(machine(L4, T4), device="cuda:0") is None

    def test_on_any_gpu_of_the_capability_if_it_was_built_so(self) -> None:
        l40 = Gpu(index=0, name="NVIDIA L40S", compute_capability="8.9")
        assert reason(machine(l40), {**DETAILS, "same_cc_compatible": True}) is None

    def test_with_a_driver_for_any_minor_release_of_its_cuda(self) -> None:
        assert reason(machine(L4, cuda_version="12.2")) is None
        assert reason(machine(L4, cuda_version="13.0")) is None

    def test_where_little_is_known_of_the_gpu_it_is_tried(self) -> None:
        unknown = Gpu(index=0, name="NVIDIA L4")
        assert reason(machine(unknown, cuda_version=None, driver_version=None)) is None

    def test_on_the_same_release_of_jetson_linux(self) -> None:
        gpu = Gpu(index=0, name="Orin", compute_capability="8.7")
        assert reason(orin(), ON_ORIN) is None
        assert reason(orin(gpus=[gpu]), ON_ORIN, device="cuda") is None

    def test_a_directory_that_says_nothing_about_itself_is_tried(self) -> None:
        package = ModelPackageMetadata("p", "trt", directory=Path())
        assert check(package, machine(T4), Request()) is None


class TestItDoesNot:
    @pytest.mark.parametrize(
        ("environment", "request_", "said"),
        [
            (machine(T4), {}, "built for nvidia-l4 (compute capability 8.9), and here is cuda:1 tesla-t4 (7.5)"),
            (machine(L4, T4), {"device": "cuda:1"}, "and here is cuda:1 tesla-t4 (7.5)"),
            (
                machine(L4),
                {"device": "cuda:3"},
                "'cuda:3' was asked for and the highest that this process can use is cuda:0",
            ),
            (machine(L4), {"device": "cpu"}, "device='cpu' was asked for, and TensorRT runs on NVIDIA GPUs only"),
            (machine(gpu_problem="no driver"), {}, "no NVIDIA GPU was found: no driver"),
            (machine(L4, runtimes={"full": "10.13.0.35"}), {}, "runs on no other; 10.13.0.35 is installed"),
            (machine(L4, runtimes={"lean": "10.12.0.36"}), {}, "needs the full TensorRT"),
            (
                machine(L4, cuda_version="11.8"),
                {},
                "installed TensorRT was made for CUDA 12, and the NVIDIA driver 560.35.05 supports CUDA up to 11.8",
            ),
            (
                machine(L4, cuda=None, cuda_version="11.8"),
                {},
                "built with CUDA 12.6, and the NVIDIA driver 560.35.05 supports CUDA up to 11.8: update the driver",
            ),
            (
                machine(L4, cuda=None, cuda_version=None, driver_version="470.57.02"),
                {},
                "built with CUDA 12.6, and that needs an NVIDIA driver 525.60 or newer, not 470.57.02",
            ),
        ],
    )
    def test_on_another_machine(self, environment: Environment, request_: dict[str, Any], said: str) -> None:
        assert said in (reason(environment, **request_) or "")

    def test_on_another_gpu_of_the_same_capability(self) -> None:
        l40 = Gpu(index=0, name="NVIDIA L40S", compute_capability="8.9")
        assert "here is cuda:0 nvidia-l40s (8.9)" in (reason(machine(l40)) or "")

    def test_on_another_capability(self) -> None:
        said = reason(machine(T4), {**DETAILS, "same_cc_compatible": True})
        assert said == "it was built for GPUs of compute capability 8.9, and here is cuda:1 tesla-t4 (7.5)"

    def test_with_code_inside_unless_that_is_allowed(self) -> None:
        details = {**DETAILS, "trt_forward_compatible": True}
        newer = machine(L4, runtimes={"full": "10.13.0.35"})
        assert "trt_engine_host_code_allowed=True permits it" in (reason(newer, details) or "")
        assert reason(newer, details, options={"trt_engine_host_code_allowed": True}) is None
        assert reason(machine(L4, runtimes={"lean": "10.13.0.35"}), details) is None

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            (machine(L4), "here is cuda:0 nvidia-l4"),
            (orin("35.4.1"), "built on Jetson Linux 36.4.0, and 35.4.1 runs here"),
            (orin(None), "which release runs here is not known: set L4T_VERSION"),
            (orin(module="nvidia-jetson-xavier-nx"), "built for orin, and this is nvidia-jetson-xavier-nx"),
        ],
    )
    def test_off_its_jetson(self, environment: Environment, said: str) -> None:
        assert said in (reason(environment, ON_ORIN) or "")

    def test_a_jetsons_engine_on_a_server(self) -> None:
        gpu = Gpu(index=0, name="Orin", compute_capability="8.7")
        assert reason(machine(gpu), ON_ORIN) == "it was built on a Jetson (nvidia-jetson-orin-nx), and this is none"

    def test_when_its_provider_says_nothing_about_it(self) -> None:
        from inference_models.developer_tools import FileDownloadSpecs

        file = FileDownloadSpecs("https://example.com/engine.plan", "engine.plan")
        package = ModelPackageMetadata("p", "trt", [file])
        assert check(package, machine(L4), Request()) == (
            "its provider does not say for which GPU and TensorRT it was built"
        )
