from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_backend_onnx.compatibility import check
from inference_models import InvalidEnvVariable
from inference_models.developer_tools import Environment, ModelPackageMetadata, ONNXPackageDetails, Request
from inference_models.environment import BackendStatus, Gpu, Jetson

GPU = Gpu(index=0, name="NVIDIA L4")
CPU_BUILD = ["CPUExecutionProvider"]
GPU_BUILD = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


@pytest.fixture(autouse=True)
def _default_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONNXRUNTIME_EXECUTION_PROVIDERS", raising=False)


def package(opset: int | None = 17, incompatible: tuple[str, ...] = ()) -> ModelPackageMetadata:
    details = None if opset is None else ONNXPackageDetails(opset=opset, incompatible_providers=incompatible)
    return ModelPackageMetadata("p1", "onnx", directory=Path("here"), backend_details=details)


def environment(
    providers: list[str] = CPU_BUILD, *, newest: int | None = 26, gpus: tuple[Gpu, ...] = (), **facts: Any
) -> Environment:
    status = BackendStatus(
        name="onnx", facts={"version": "1.31.1", "execution_providers": providers, "max_opset": newest}
    )
    return Environment.from_facts(backends=[status], gpus=gpus, **facts)


def test_nothing_speaks_against_an_ordinary_package() -> None:
    assert check(package(), environment(), Request()) is None
    assert check(package(), environment(), Request(device="cpu")) is None


def test_an_operator_set_that_is_too_new_is_told_with_both_numbers() -> None:
    reason = check(package(27), environment(), Request())

    assert reason == (
        "it needs ONNX operator set 27, and the installed ONNX Runtime 1.31.1 runs operator sets up to 26: "
        "update onnxruntime"
    )


@pytest.mark.parametrize(("opset", "newest"), [(99, None), (None, 26)])
def test_where_no_limit_or_no_need_is_known_nothing_is_refused(opset: int | None, newest: int | None) -> None:
    assert check(package(opset), environment(newest=newest), Request()) is None


def test_cuda_on_a_build_without_it() -> None:
    reason = check(package(), environment(gpus=(GPU,)), Request(device="cuda"))

    assert reason is not None
    assert "CUDAExecutionProvider is not in the installed build, which has CPUExecutionProvider" in reason
    assert 'pip install "im-backend-onnx[gpu]"' in reason


def test_cuda_without_a_gpu() -> None:
    reason = check(package(), environment(GPU_BUILD, gpu_problem="no driver answers"), Request(device="cuda"))

    assert reason == "device 'cuda' was asked for and no NVIDIA GPU was found: no driver answers"


def test_a_gpu_that_does_not_exist() -> None:
    one_gpu = environment(GPU_BUILD, gpus=(GPU,))

    assert check(package(), one_gpu, Request(device="cuda:0")) is None
    assert check(package(), one_gpu, Request(device="cuda:3")) == (
        "device 'cuda:3' was asked for and the highest that this process can use is cuda:0"
    )


def test_a_jetson_whose_gpu_is_not_listed() -> None:
    jetson = environment(GPU_BUILD, jetson=Jetson(module="nvidia-jetson-xavier-nx"))

    assert check(package(), jetson, Request(device="cuda")) is None


def test_a_device_of_another_backend_is_a_reason_and_not_a_crash() -> None:
    assert "device='xpu' is not a device that the ONNX backend knows" in str(
        check(package(), environment(), Request(device="xpu"))
    )


@pytest.mark.parametrize(
    "wanted", [["CUDAExecutionProvider"], [("CUDAExecutionProvider", {"device_id": 0}), "TensorrtExecutionProvider"]]
)
def test_none_of_the_providers_that_were_asked_for(wanted: list[object]) -> None:
    reason = check(package(), environment(), Request(options={"onnx_execution_providers": wanted}))

    assert reason is not None
    assert "CUDAExecutionProvider is not in the installed build" in reason


def test_providers_with_options_do_not_discard_a_package() -> None:
    wanted = [("TensorrtExecutionProvider", {"trt_fp16_enable": True}), "CUDAExecutionProvider"]

    assert check(package(), environment(GPU_BUILD), Request(options={"onnx_execution_providers": wanted})) is None


def test_a_list_is_a_preference() -> None:
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]

    assert check(package(), environment(), Request(options={"onnx_execution_providers": wanted})) is None


def test_a_package_that_does_not_run_on_the_only_provider_asked_for() -> None:
    refuses = package(incompatible=("CUDAExecutionProvider",))

    reason = check(refuses, environment(GPU_BUILD, gpus=(GPU,)), Request(device="cuda"))

    assert reason == (
        "ONNX Runtime cannot run on device 'cuda': CUDAExecutionProvider is one that the package is known not to run "
        "with. Ask for another device or another package."
    )
    assert check(refuses, environment(GPU_BUILD, gpus=(GPU,)), Request()) is None


def test_the_preference_in_the_environment_counts(monkeypatch, caplog) -> None:
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", "[CUDAExecutionProvider]")

    monkeypatch.setattr("im_backend_onnx.diagnosis._warned", set())
    for _ in range(2):
        assert "CUDAExecutionProvider is not in the installed build" in str(check(package(), environment(), Request()))
    # Nothing in the call asks for it, so another backend may be chosen: the log says why it is.
    assert caplog.text.count("the execution providers of ONNXRUNTIME_EXECUTION_PROVIDERS: CUDAExecutionProvider") == 1
    assert check(package(), environment(), Request(device="cpu")) is None


def test_a_wrong_name_in_the_environment_is_no_reason_but_an_error(monkeypatch) -> None:
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", "Foo")

    with pytest.raises(InvalidEnvVariable, match="ONNXRUNTIME_EXECUTION_PROVIDERS"):
        check(package(), environment(), Request())
