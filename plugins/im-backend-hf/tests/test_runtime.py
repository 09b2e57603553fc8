from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from im_backend_hf.compatibility import check
from im_backend_hf.options import Options
from im_backend_hf.runtime import choose_dtype
from im_backend_hf.toolkit import Toolkit
from inference_models import InvalidParameterError, MissingDependencyError, ModelRuntimeError
from inference_models.developer_tools import Environment, ModelPackageMetadata, Quantization, Request
from inference_models.environment import BackendStatus, Gpu, Library

L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")


def with_cuda(bf16: bool) -> Any:
    """Return what is asked of torch, with a GPU that knows bfloat16 or not."""
    dtypes = {name: getattr(torch, name) for name in ("float32", "float16", "bfloat16")}
    return SimpleNamespace(cuda=SimpleNamespace(is_bf16_supported=lambda: bf16), cpu=SimpleNamespace(), **dtypes)


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
    stub = with_cuda(knows)
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
        (
            Request(options={"load_in_4bit": True, "onnx_threads": 2}),
            environment(),
            "needs accelerate and bitsandbytes",
        ),
        (Request(options={"dtype": "int8"}), environment(), None),
    ],
)
def test_what_is_checked_before_anything_is_fetched(request_: Request, here: Environment, reason: str | None) -> None:
    found = check(PLAIN, here, request_)
    assert found is None if reason is None else reason in str(found)


def test_int8_is_not_loaded() -> None:
    package = ModelPackageMetadata("p", "hugging-face", directory=Path("x"), quantization=Quantization.INT8)
    assert "8 bits are not loaded" in str(check(package, environment(), Request()))
