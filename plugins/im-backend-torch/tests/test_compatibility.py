from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from im_backend_torch.compatibility import check_torch, check_torch_script
from inference_models.developer_tools import Environment, ModelPackageMetadata, Request, TorchScriptPackageDetails
from inference_models.environment import BackendStatus, Gpu, Jetson

CPU_BUILD = {"version": "2.13.0+cpu", "cuda": None, "device_types": ["cpu"], "torchvision": None}
MATCHING_VISION = (
    "install the torchvision that is made for torch 2.13.0+cpu, from the index that torch came from, as "
    "https://pytorch.org/get-started/locally says"
)
CUDA_BUILD = {"version": "2.13.0", "cuda": "12.6", "device_types": ["cpu", "cuda"], "torchvision": "0.28.0"}
L4 = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")


def environment(facts: dict[str, Any] = CPU_BUILD, gpus: int = 0, **options: Any) -> Environment:
    backends = [BackendStatus(name=name, facts=facts) for name in ("torch", "torch-script")]
    problem = None if gpus else "no NVIDIA driver answers"
    return Environment.from_facts(backends=backends, gpus=[L4] * gpus, gpu_problem=problem, **options)


def script(*devices: str, torch: str = "2.6.0", vision: str | None = None, **fields: Any) -> ModelPackageMetadata:
    details = TorchScriptPackageDetails(devices or ("cpu", "cuda"), torch, vision)
    return ModelPackageMetadata("p", "torch-script", directory=Path("x"), backend_details=details, **fields)


PLAIN = ModelPackageMetadata("p", "torch", directory=Path("x"))


@pytest.mark.parametrize(
    ("device", "here", "reason"),
    [
        (None, environment(), None),
        ("cpu", environment(), None),
        ("cuda", environment(), "asked for and the installed torch 2.13.0+cpu is built for cpu only: install a build"),
        ("mps", environment(), "asked for and the installed torch 2.13.0+cpu is built for cpu only"),
        ("npu", environment(), "device='npu' is not a device that is known here"),
        ("cuda", environment(CUDA_BUILD), "no NVIDIA GPU was found: no NVIDIA driver answers"),
        ("cuda", environment(CUDA_BUILD, 1), None),
        ("cuda:1", environment(CUDA_BUILD, 2), None),
        ("cuda:2", environment(CUDA_BUILD, 2), "the highest that this process can use is cuda:1"),
        ("cuda", environment(CUDA_BUILD, 1, cuda_version="12.2"), None),
        (
            "cuda",
            environment(CUDA_BUILD, 1, cuda_version="11.8"),
            "driver supports CUDA up to 11.8 and torch is built for",
        ),
        ("cuda", environment(CUDA_BUILD, jetson=Jetson("nvidia-jetson-orin-nx")), None),
    ],
)
def test_the_device_that_was_asked_for(device: str | None, here: Environment, reason: str | None) -> None:
    for check, package in ((check_torch, PLAIN), (check_torch_script, script("cpu", "cuda", "mps"))):
        found = check(package, here, Request(device=device))
        if reason is None:
            assert found is None
        else:
            assert reason in str(found)


def test_a_package_for_other_devices_is_rejected() -> None:
    assert check_torch_script(script("cuda"), environment(CUDA_BUILD, 1), Request(device="cpu")) == (
        "device 'cpu' was asked for and it runs on cuda only"
    )
    assert check_torch_script(script("cuda"), environment(), Request()) == (
        "it runs on cuda only; the installed torch 2.13.0+cpu is built for cpu only: install a build of torch with "
        "CUDA, as https://pytorch.org/get-started/locally says"
    )
    assert "torch has no devices of kind 'tpu' here" in str(check_torch_script(script("tpu"), environment(), Request()))
    assert check_torch_script(script("cuda"), environment(CUDA_BUILD, 1), Request()) is None


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        ("2.6.0", None),
        ("2.13.0", None),
        ("2.13", None),
        ("2.13.1", "it needs torch 2.13.1 or newer, and 2.13.0+cpu is installed: update torch"),
        ("3.0", "it needs torch 3.0 or newer, and 2.13.0+cpu is installed: update torch"),
    ],
)
def test_the_version_of_torch(needed: str, reason: str | None) -> None:
    assert check_torch_script(script(torch=needed), environment(), Request()) == reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"torchvision": "0.28.0+cpu"}, None),
        (
            {"torchvision": "0.20.1"},
            "it needs torchvision 0.21.0 or newer, and 0.20.1 is installed: update torchvision",
        ),
        ({}, f"it uses operators of torchvision 0.21.0 or newer, and torchvision is not installed: {MATCHING_VISION}"),
        (
            {"torchvision_problem": "torchvision 0.28.0 is a build for CUDA"},
            "it uses operators of torchvision 0.21.0 or newer, and torchvision 0.28.0 is a build for CUDA: "
            f"{MATCHING_VISION}",
        ),
    ],
)
def test_the_version_of_torchvision(facts: dict[str, Any], reason: str | None) -> None:
    here = environment({**CPU_BUILD, **facts})

    assert check_torch_script(script(vision="0.21.0"), here, Request()) == reason


@pytest.mark.parametrize(
    ("device", "here", "rejected"),
    [
        ("cpu", environment(CUDA_BUILD, 1), True),
        (None, environment(), True),
        (None, environment(CUDA_BUILD, 1), False),
        ("cuda", environment(CUDA_BUILD, 1), False),
    ],
)
def test_half_precision_needs_a_gpu(device: str | None, here: Environment, rejected: bool) -> None:
    reason = check_torch_script(script(quantization="fp16"), here, Request(device=device))

    assert (reason is not None) == rejected
    assert not rejected or reason == (
        "it is in half precision (fp16), which the CPU does not run: use a GPU or an fp32 package"
    )
    assert (
        check_torch(ModelPackageMetadata("p", "torch", directory=Path("x"), quantization="fp16"), here, Request())
        is None
    )


def test_a_package_about_which_nothing_is_said_is_given_a_chance() -> None:
    package = ModelPackageMetadata("p", "torch-script", directory=Path("x"))

    assert check_torch_script(package, environment(), Request()) is None
