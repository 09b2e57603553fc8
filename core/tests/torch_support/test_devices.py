from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from inference_models import DeviceUnavailableError, InvalidParameterError
from inference_models.torch_support import TorchDevice, choose_torch_device, devices, parse_torch_device

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _warn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once per process is said once per test."""
    monkeypatch.setattr(devices, "_warned", set())


def fake_torch(*, cuda: str | None = None, gpus: int = 0, problem: str | None = None, mps: bool = False) -> Any:
    """Return what `choose_torch_device` asks of torch, as a build for CUDA on a machine with GPUs answers it."""

    def init() -> None:
        if problem is not None:
            raise RuntimeError(problem)

    return SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda=cuda, hip=None),
        cuda=SimpleNamespace(init=init, device_count=lambda: gpus, current_device=lambda: 0),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )


GPUS = fake_torch(cuda="12.6", gpus=2)
NO_DRIVER = fake_torch(cuda="12.6", problem="Found no NVIDIA driver on your system. Please check that\nyou have one.")


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("cpu", TorchDevice("cpu")),
        ("CUDA", TorchDevice("cuda")),
        (" cuda:1 ", TorchDevice("cuda", 1)),
        ("cuda:0", TorchDevice("cuda", 0)),
        ("mps", TorchDevice("mps")),
        ("cpu:0", TorchDevice("cpu")),
        ("mps:0", TorchDevice("mps")),
    ],
)
def test_names_of_devices(text: str, device: TorchDevice) -> None:
    assert parse_torch_device(text) == device


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1:2", "cpu:1", "mps:1", "0", "cuda:²"])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError, match="cpu, cuda, cuda:<number> or mps"):
        parse_torch_device(text)


@pytest.mark.parametrize(
    ("module", "asked", "got"),
    [
        (GPUS, None, "cuda:0"),
        (GPUS, "cuda", "cuda:0"),
        (GPUS, "cuda:1", "cuda:1"),
        (GPUS, "cpu", "cpu"),
        (fake_torch(), None, "cpu"),
        (fake_torch(mps=True), None, "cpu"),
        (fake_torch(mps=True), "mps", "mps"),
    ],
)
def test_what_is_got(module: Any, asked: str | None, got: str) -> None:
    assert choose_torch_device(module, asked) == got


@pytest.mark.parametrize(
    ("module", "asked", "why"),
    [
        (fake_torch(), "cuda", r"the installed torch 2\.13\.0 is built without CUDA\. To use a GPU, install a build"),
        (
            NO_DRIVER,
            "cuda:0",
            r"Found no NVIDIA driver on your system\. Please check that\. Check the driver with nvidia-smi",
        ),
        (GPUS, "cuda:2", r"the highest that this process can use is cuda:1"),
        (fake_torch(), "mps", "torch finds no GPU of Apple's here"),
    ],
)
def test_what_was_asked_for_and_is_not_there_is_an_error_with_the_reason(module: Any, asked: str, why: str) -> None:
    with pytest.raises(DeviceUnavailableError, match=f"Device '{asked}' was asked for and cannot be had: {why}"):
        choose_torch_device(module, asked)


def test_a_package_narrows_the_choice() -> None:
    assert choose_torch_device(GPUS, None, {"cpu"}) == "cpu"
    assert choose_torch_device(fake_torch(mps=True), None, {"cuda", "mps"}) == "mps"
    with pytest.raises(DeviceUnavailableError, match=r"runs on cuda only, and that cannot be had: .* without CUDA"):
        choose_torch_device(fake_torch(), None, {"cuda"})
    with pytest.raises(DeviceUnavailableError, match=r"runs on tpu only, and that cannot be had: torch knows no such"):
        choose_torch_device(fake_torch(), None, {"tpu"})


def test_a_default_that_cannot_be_had_gives_way_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "inference_models"):
        assert [choose_torch_device(NO_DRIVER, None) for _ in range(2)] == ["cpu", "cpu"]

    assert [record.getMessage() for record in caplog.records] == [
        "torch 2.13.0 is built for CUDA and runs on cpu: Found no NVIDIA driver on your system. Please check that. "
        "Check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES."
    ]


def test_a_build_for_the_cpu_runs_on_it_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "inference_models"):
        assert choose_torch_device(fake_torch(), None) == "cpu"

    assert caplog.records == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_the_real_torch_without_a_gpu() -> None:
    assert choose_torch_device(torch, None) == "cpu"
    with pytest.raises(DeviceUnavailableError, match="Device 'cuda' was asked for and cannot be had"):
        choose_torch_device(torch, "cuda")
