from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from im_backend_hf import devices
from im_backend_hf.compatibility import check
from im_backend_hf.devices import choose_device, choose_dtype, explain_out_of_memory, parse_device
from im_backend_hf.options import Options
from im_backend_hf.toolkit import Toolkit
from inference_models import DeviceUnavailableError, InvalidParameterError, MissingDependencyError, ModelRuntimeError
from inference_models.developer_tools import Environment, ModelPackageMetadata, Quantization, Request
from inference_models.environment import BackendStatus, Gpu, Library

L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")


@pytest.mark.parametrize(
    ("text", "device"),
    [("cpu", ("cpu", None)), ("CUDA:1", ("cuda", 1)), ("cuda", ("cuda", None)), ("mps", ("mps", None))],
)
def test_names(text: str, device: tuple[str, int | None]) -> None:
    assert parse_device(text) == device


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "cpu:1", ""])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="is not a device"):
        parse_device(text)


def with_cuda(count: int, error: str | None = None, bf16: bool = True) -> Any:
    """Return what these functions ask of torch, with so many GPUs."""

    def init() -> None:
        if error:
            raise RuntimeError(error)

    cuda = SimpleNamespace(
        init=init,
        device_count=lambda: count,
        current_device=lambda: 0,
        is_bf16_supported=lambda: bf16,
        mem_get_info=lambda device: (2**30, 2**31),
    )
    dtypes = {name: getattr(torch, name) for name in ("float32", "float16", "bfloat16")}
    return SimpleNamespace(
        __version__="2.13.0", version=SimpleNamespace(cuda="12.6"), cuda=cuda, cpu=SimpleNamespace(), **dtypes
    )


def test_a_device_that_was_asked_for_is_had_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_warned", set())
    assert choose_device(torch, "cpu") == "cpu"
    assert choose_device(with_cuda(2), "cuda:1") == "cuda:1"
    assert choose_device(with_cuda(2), None) == "cuda:0"
    with pytest.raises(DeviceUnavailableError, match="the highest that this process can use is cuda:1"):
        choose_device(with_cuda(2), "cuda:2")
    with pytest.raises(DeviceUnavailableError, match="driver is asleep"):
        choose_device(with_cuda(2, "driver is asleep\nmore"), "cuda")
    if torch.version.cuda is None:
        with pytest.raises(DeviceUnavailableError, match="built without CUDA"):
            choose_device(torch, "cuda")
        assert choose_device(torch, None) == "cpu"


def test_falling_back_to_the_cpu_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_warned", set())
    assert [choose_device(with_cuda(1, "driver is asleep"), None) for _ in range(2)] == ["cpu", "cpu"]
    assert len(caplog.messages) == 1
    assert "runs on the CPU: driver is asleep" in caplog.messages[0]


@pytest.mark.parametrize(
    ("device", "quantization", "knows", "expected"),
    [
        ("cpu", Quantization.FP32, True, torch.float32),
        ("cpu", Quantization.UNKNOWN, True, torch.float32),
        ("cpu", Quantization.FP16, True, torch.bfloat16),
        ("cpu", Quantization.BF16, True, torch.bfloat16),
        ("cpu", Quantization.BF16, False, torch.float32),
        ("cuda:0", Quantization.FP32, True, torch.float32),
        ("cuda:0", Quantization.FP16, True, torch.float16),
        ("cuda:0", Quantization.BF16, True, torch.bfloat16),
        ("cuda:0", Quantization.BF16, False, torch.float16),
        ("mps", Quantization.BF16, True, torch.float16),
    ],
)
def test_the_type_to_compute_in(device: str, quantization: Quantization, knows: bool, expected: torch.dtype) -> None:
    stub = with_cuda(1, bf16=knows)
    stub.cpu._is_avx512_bf16_supported = lambda: knows
    assert choose_dtype(stub, device, quantization) is expected


@pytest.mark.parametrize("asked", ["bfloat16", torch.bfloat16])
def test_a_type_that_was_asked_for(package: Path, toolkit_for: Callable[..., Toolkit], asked: Any) -> None:
    model = toolkit_for({"dtype": asked}).load_model("ViTForImageClassification", package)
    assert model.dtype is torch.bfloat16


def test_the_package_says_the_type_or_its_config_does(
    package: Path, toolkit_for: Callable[..., Toolkit], change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    load = lambda **fields: toolkit_for(**fields).load_model("ViTForImageClassification", package).dtype  # noqa: E731
    assert load(quantization="fp16") is torch.bfloat16
    change(package / "config.json", dtype="bfloat16")
    assert load() is torch.bfloat16
    assert load(quantization="fp32") is torch.float32
    change(package / "config.json", dtype=None, torch_dtype="float32")
    assert load() is torch.float32


@pytest.mark.parametrize("options", [{"dtype": "int8"}, {"dtype": 3}, {"load_in_4bit": "yes"}, {"load_in_8bit": True}])
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        Options.parse(options)


def test_four_bits_need_what_is_not_installed(
    toolkit_for: Callable[..., Toolkit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(MissingDependencyError, match=r"im-backend-hf\[4bit\]"):
        toolkit_for({"load_in_4bit": True})


def test_out_of_memory(toolkit: Toolkit) -> None:
    said = explain_out_of_memory(with_cuda(1), RuntimeError("CUDA out of memory. Tried to"), "cuda:0")
    assert str(said).startswith("cuda:0 has not enough memory, and 1.00 of 2.00 GiB are free. Give fewer images")
    assert explain_out_of_memory(torch, RuntimeError("no such operator"), "cpu") is None
    with pytest.raises(ModelRuntimeError, match="cpu has not enough memory"), toolkit.inference():
        torch.empty(1 << 50)
    with pytest.raises(RuntimeError, match="other"), toolkit.inference():
        raise RuntimeError("other")


def environment(build: str = "CPU", gpus: int = 0, **facts: str) -> Environment:
    return Environment.from_facts(
        backends=[BackendStatus(name="hugging-face", facts={"version": "5.23.0", **facts})],
        gpus=[L4] * gpus,
        gpu_problem=None if gpus else "no driver answers",
        libraries=[Library(name="torch", version="2.13.0", source="metadata", details={"build": build})],
    )


PLAIN = ModelPackageMetadata("p", "hugging-face", directory=Path("x"))


@pytest.mark.parametrize(
    ("request_", "here", "reason"),
    [
        (Request(), environment(), None),
        (Request(device="cpu"), environment(), None),
        (Request(device="mps"), environment(), None),
        (Request(device="tpu"), environment(), "device='tpu' is not a device"),
        (Request(device="cuda"), environment(), "the installed torch is for the CPU only"),
        (Request(device="cuda"), environment("CUDA 12.6"), "no NVIDIA GPU was found: no driver answers"),
        (Request(device="cuda:1"), environment("CUDA 12.6", 1), "the highest that this process can use is cuda:0"),
        (Request(device="cuda:1"), environment("CUDA 12.6", 2), None),
        (Request(options={"load_in_4bit": True}), environment(), "needs accelerate and bitsandbytes: pip install"),
        (Request(options={"load_in_4bit": True}), environment(accelerate="1", bitsandbytes="0"), None),
        (Request(options={"dtype": "int8"}), environment(), None),
    ],
)
def test_what_is_checked_before_anything_is_fetched(request_: Request, here: Environment, reason: str | None) -> None:
    found = check(PLAIN, here, request_)
    assert found is None if reason is None else reason in str(found)


def test_int8_is_not_loaded() -> None:
    package = ModelPackageMetadata("p", "hugging-face", directory=Path("x"), quantization=Quantization.INT8)
    assert "8 bits are not loaded" in str(check(package, environment(), Request()))
