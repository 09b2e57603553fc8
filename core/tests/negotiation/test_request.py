"""Arguments are checked and brought into one shape."""

from __future__ import annotations

import pytest

from inference_models.entities import BackendType, Quantization
from inference_models.errors import (
    InvalidEnvVariable,
    InvalidParameterError,
    InvalidRequestedBatchSizeError,
    UnknownBackendTypeError,
    UnknownQuantizationError,
)
from inference_models.negotiation import make_request


def test_nothing_asked_for_is_nothing_restricted() -> None:
    request = make_request()
    assert (request.backends, request.batch_size, request.quantizations, request.device) == (None, None, None, None)


def test_one_or_several_names_in_any_case_and_as_enums() -> None:
    assert make_request(backend="ONNX").backends == ("onnx",)
    assert make_request(backend=[BackendType.TRT, "onnx", "trt"]).backends == ("trt", "onnx")
    assert make_request(backend=["Torch_Script", "torch-script"]).backends == ("torch-script",)
    assert make_request(quantization=Quantization.FP16).quantizations == {Quantization.FP16}
    assert make_request(quantization=["FP16", "int8"]).quantizations == {"fp16", "int8"}


def test_a_plugins_own_backend_is_known_and_a_typo_is_not() -> None:
    assert make_request(backend="acme-npu", known_backends=["Acme-NPU"]).backends == ("acme-npu",)
    with pytest.raises(UnknownBackendTypeError, match=r"Unknown backend 'onxx'\. Did you mean 'onnx'"):
        make_request(backend="onxx")


@pytest.mark.parametrize("value", [[], [1], 7, [None]])
def test_lists_of_names_only(value) -> None:
    with pytest.raises(InvalidParameterError, match="backend= takes a name or a list of names"):
        make_request(backend=value)


def test_an_unknown_quantization_is_an_error() -> None:
    with pytest.raises(UnknownQuantizationError):
        make_request(quantization="fp13")


@pytest.mark.parametrize(("given", "kept"), [(4, (4, 4)), ((1, 8), (1, 8))])
def test_batch_sizes(given, kept) -> None:
    assert make_request(batch_size=given).batch_size == kept


@pytest.mark.parametrize("value", [0, -1, True, (4, 2), (1, 2, 3), (0, 4), [1, 4], (1, True), "4", 1.5])
def test_batch_sizes_that_make_no_sense(value) -> None:
    with pytest.raises(InvalidRequestedBatchSizeError, match="at least 1"):
        make_request(batch_size=value)


class Device:
    """Prints as torch's devices do."""

    def __str__(self) -> str:
        return "cuda:1"


@pytest.mark.parametrize(("given", "kept"), [("CPU", "cpu"), ("cuda:1", "cuda:1"), (Device(), "cuda:1")])
def test_devices(given, kept) -> None:
    assert make_request(device=given).device == kept


@pytest.mark.parametrize("value", ["", "cuda:", "cuda:x", "0", 3])
def test_devices_that_make_no_sense(value) -> None:
    with pytest.raises(InvalidParameterError, match="device="):
        make_request(device=value)


def test_the_default_device_can_be_set(monkeypatch) -> None:
    monkeypatch.setenv("DEFAULT_DEVICE", "cuda:0")
    assert make_request().device == "cuda:0"
    assert make_request(device="cpu").device == "cpu"
    monkeypatch.setenv("DEFAULT_DEVICE", "CPU")
    assert make_request().device == "cpu"
    monkeypatch.setenv("DEFAULT_DEVICE", "")
    assert make_request().device is None
    monkeypatch.setenv("DEFAULT_DEVICE", "the fast one")
    with pytest.raises(InvalidEnvVariable, match=r"DEFAULT_DEVICE .*'the fast one'.*'cuda:1'"):
        make_request()


@pytest.mark.parametrize("value", ["", 7])
def test_a_package_id_is_text(value) -> None:
    with pytest.raises(InvalidParameterError, match="model_package_id="):
        make_request(model_package_id=value)
