from __future__ import annotations

import pytest

from im_backend_onnx.providers import (
    Device,
    Provider,
    device_of,
    parse_device,
    parse_providers,
    plan_attempts,
    refuse_unknown,
    without_secrets,
)
from inference_models import DeviceUnavailableError, InvalidEnvVariable, InvalidParameterError

CPU, CUDA, TRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
COREML, OPENVINO = "CoreMLExecutionProvider", "OpenVINOExecutionProvider"
GPU_BUILD = [TRT, CUDA, CPU]


@pytest.fixture(autouse=True)
def _default_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONNXRUNTIME_EXECUTION_PROVIDERS", raising=False)


def names(attempts) -> list[list[str]]:
    return [[provider.name for provider in attempt] for attempt in attempts]


def plan(device=None, requested=None, available=GPU_BUILD, incompatible=()):
    return plan_attempts(
        device=None if device is None else parse_device(device),
        requested=parse_providers(requested),
        available=available,
        incompatible=incompatible,
    )


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", Device("cpu")),
        ("CUDA", Device("cuda")),
        ("cuda:0", Device("cuda", 0)),
        (" cuda:12 ", Device("cuda", 12)),
        ("mps", Device("mps")),
    ],
)
def test_devices(text: str, device: Device) -> None:
    assert parse_device(text) == device
    assert parse_device(str(device)) == device


@pytest.mark.parametrize(
    "text", ["", "gpu", "cude", "cuda:", "cuda:x", "cuda:-1", "cuda:1:2", "cpu:0", "mps:1", "cuda:²"]
)
def test_other_names_are_no_devices(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="cpu, cuda, cuda:<number> or mps"):
        parse_device(text)


def test_providers_are_names_or_pairs() -> None:
    assert parse_providers(None) is None
    assert parse_providers([CPU, (CUDA, {"device_id": 1})]) == (Provider(CPU), Provider(CUDA, {"device_id": "1"}))


@pytest.mark.parametrize("value", [CPU, [], {}, 5, [5], [(CUDA,)], [(CUDA, "x")], [(1, {})], [None]])
def test_other_values_are_no_providers(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="onnx_execution_providers="):
        parse_providers(value)


def test_without_a_wish_the_best_that_the_build_has_comes_first_and_the_cpu_helps() -> None:
    assert names(plan()) == [[CUDA, CPU], [CPU]]
    assert names(plan(available=[CPU])) == [[CPU]]
    assert names(plan(available=[COREML, CPU])) == [[COREML, CPU], [CPU]]


def test_without_a_wish_what_the_package_cannot_run_on_is_left_out() -> None:
    assert names(plan(incompatible=[CUDA])) == [[CPU]]


def test_the_preference_of_the_environment_is_an_order_and_a_limit(monkeypatch) -> None:
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", f"['{CPU}', {CUDA}]")
    assert names(plan()) == [[CPU], [CUDA, CPU]]

    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", OPENVINO)
    with pytest.raises(DeviceUnavailableError, match=f"of ONNXRUNTIME_EXECUTION_PROVIDERS: {OPENVINO} is not in"):
        plan()


def test_a_device_is_never_traded_for_another() -> None:
    assert names(plan("cuda")) == [[CUDA, CPU]]
    assert names(plan("cpu")) == [[CPU]]
    for device in ("cuda", "mps"):
        with pytest.raises(DeviceUnavailableError, match="is not in the installed build"):
            plan(device, available=[CPU])


def test_the_number_of_a_device_reaches_the_provider() -> None:
    ((cuda, cpu),) = plan("cuda:2")

    assert (cuda, cpu) == (Provider(CUDA, {"device_id": "2"}), Provider(CPU))


def test_a_list_is_tried_from_each_entry_on() -> None:
    assert names(plan(requested=[TRT, CUDA, CPU])) == [[TRT, CUDA, CPU], [CUDA, CPU], [CPU]]
    assert names(plan(requested=[CUDA], available=GPU_BUILD)) == [[CUDA]]
    assert names(plan(requested=[CUDA, CPU], available=[CPU])) == [[CPU]]


def test_a_list_with_a_device_never_ends_on_another_device() -> None:
    attempts = plan("cuda:1", [TRT, (CUDA, {"device_id": 1}), CPU])

    assert names(attempts) == [[TRT, CUDA, CPU], [CUDA, CPU]]
    assert [provider.options for provider in attempts[0]] == [{"device_id": "1"}, {"device_id": "1"}, {}]
    with pytest.raises(DeviceUnavailableError):
        plan("cuda", [CUDA, CPU], available=[CPU])
    assert names(plan("cpu", [CUDA, CPU])) == [[CPU]]


def test_openvino_on_the_cpu_is_told_so() -> None:
    ((openvino, _), _) = plan("cpu", [OPENVINO, CPU], available=[OPENVINO, CPU])

    assert openvino == Provider(OPENVINO, {"device_type": "CPU"})


@pytest.mark.parametrize(
    ("device", "requested"),
    [
        ("cuda", [CPU]),
        ("mps", [CUDA, CPU]),
        ("cuda:1", [(CUDA, {"device_id": 0})]),
        ("cpu", [(OPENVINO, {"device_type": "GPU"})]),
    ],
)
def test_a_device_and_providers_that_contradict_each_other(device: str, requested: list[object]) -> None:
    with pytest.raises(InvalidParameterError, match="contradict"):
        plan(device, requested, available=[*GPU_BUILD, OPENVINO])


@pytest.mark.parametrize("requested", [["CudaExecutionProvide"], [CPU, "cudaexecutionprovider"]])
@pytest.mark.parametrize("available", [GPU_BUILD, [CPU]])
def test_a_misspelt_provider_is_told_the_right_name(requested: list[str], available: list[str]) -> None:
    with pytest.raises(InvalidParameterError, match=f"no execution provider of ONNX Runtime. Did you mean '{CUDA}'"):
        plan(requested=requested, available=available)


def test_a_provider_that_only_the_build_knows_is_one() -> None:
    assert names(plan(requested=["NewExecutionProvider"], available=["NewExecutionProvider", CPU])) == [
        ["NewExecutionProvider"]
    ]


def test_every_provider_of_the_installed_release_is_known() -> None:
    everything = pytest.importorskip("onnxruntime").get_all_providers()

    refuse_unknown(parse_providers(everything), available=())


@pytest.mark.parametrize("text", ["", "  ", "[]"])
def test_an_empty_preference_is_as_if_unset(monkeypatch, text: str) -> None:
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", text)

    assert names(plan()) == [[CUDA, CPU], [CPU]]


def test_a_preference_that_names_no_provider_is_told_with_its_variable(monkeypatch) -> None:
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", f"CUDAExecutionProvidr,{CPU}")

    with pytest.raises(InvalidEnvVariable, match=f"ONNXRUNTIME_EXECUTION_PROVIDERS .*Did you mean '{CUDA}'"):
        plan()
    assert names(plan("cpu")) == [[CPU]]
    assert names(plan(requested=[CPU])) == [[CPU]]


@pytest.mark.parametrize(
    ("provider", "options", "device"),
    [
        (CPU, {}, "cpu"),
        (CUDA, {"device_id": "1"}, "cuda:1"),
        (CUDA, {}, "cuda:0"),
        (TRT, {"device_id": "0"}, "cuda:0"),
        (COREML, {}, "mps"),
        (OPENVINO, {"device_type": "GPU"}, "gpu"),
        (OPENVINO, {}, "cpu"),
        ("DmlExecutionProvider", {}, "dml"),
    ],
)
def test_the_device_of_a_provider(provider: str, options: dict[str, str], device: str) -> None:
    assert device_of(provider, options) == device


def test_secrets_do_not_reach_reports() -> None:
    options = {"AzureExecutionProvider": {"auth_key": "hunter2", "endpoint": "e", "api_token": "t", "Password": "p"}}

    assert without_secrets(options) == {
        "AzureExecutionProvider": {"auth_key": "***", "endpoint": "e", "api_token": "***", "Password": "***"}
    }
