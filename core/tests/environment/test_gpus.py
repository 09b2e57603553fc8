"""Against a stand-in for pynvml with the functions, names and error type of nvidia-ml-py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from inference_models.environment import Gpu
from inference_models.environment.gpus import scan_gpus

L4, T4 = "GPU-7c1c9c4a-1111-2222-3333-444455556666", "GPU-7d0000aa-1111-2222-3333-444455556666"

PROC_INFORMATION = """Model: \t\t Tesla T4
IRQ:   \t\t 35
GPU UUID: \t GPU-7d0000aa-1111-2222-3333-444455556666
Video BIOS: \t 90.04.96.00.02
Bus Type: \t PCIe
Bus Location: \t 0000:00:1e.0
Device Minor: \t 0
"""


class NVMLError(Exception):
    pass


def make_nvml(**changes: object) -> ModuleType:
    """Return a pynvml for a machine with an L4 and a T4, with some functions replaced."""
    module = ModuleType("pynvml")
    gpus = [("NVIDIA L4", (8, 9), 24 << 30, L4), ("Tesla T4", (7, 5), 16 << 30, T4)]
    functions: dict[str, object] = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(gpus),
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: gpus[handle][0],
        "nvmlDeviceGetCudaComputeCapability": lambda handle: gpus[handle][1],
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=gpus[handle][2]),
        "nvmlDeviceGetUUID": lambda handle: gpus[handle][3],
        "nvmlSystemGetDriverVersion": lambda: "550.54.15",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 12040,
    }
    for name, function in (functions | changes).items():
        setattr(module, name, function)
    return module


def failing(text: str):
    def function(*arguments: object) -> None:
        raise NVMLError(text)

    return function


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a stand-in for pynvml in place."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def use(**changes: object) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", make_nvml(**changes))

    return use


def test_all_facts(nvml, tmp_path: Path) -> None:
    nvml()
    scan = scan_gpus(tmp_path)

    assert scan.gpus == (
        Gpu(index=0, name="NVIDIA L4", compute_capability="8.9", memory_bytes=24 << 30, uuid=L4),
        Gpu(index=1, name="Tesla T4", compute_capability="7.5", memory_bytes=16 << 30, uuid=T4),
    )
    assert (scan.driver_version, scan.cuda_version, scan.problem) == ("550.54.15", "12.4", None)


def test_older_releases_answer_with_bytes(nvml, tmp_path: Path) -> None:
    nvml(nvmlDeviceGetName=lambda handle: b"Tesla T4", nvmlSystemGetDriverVersion=lambda: b"470.1")
    scan = scan_gpus(tmp_path)

    assert scan.gpus[0].name == "Tesla T4"
    assert scan.driver_version == "470.1"


def test_a_question_that_the_driver_does_not_answer_is_none(nvml, tmp_path: Path) -> None:
    nvml(nvmlDeviceGetMemoryInfo=failing("Not Supported"), nvmlSystemGetCudaDriverVersion_v2=failing("Not Found"))
    scan = scan_gpus(tmp_path)

    assert [gpu.memory_bytes for gpu in scan.gpus] == [None, None]
    assert scan.cuda_version is None
    assert scan.problem is None


@pytest.mark.parametrize("reason", ["NVML Shared Library Not Found", "Driver Not Loaded", "Insufficient Permissions"])
def test_without_a_driver_there_is_a_reason(nvml, tmp_path: Path, reason: str) -> None:
    nvml(nvmlInit=failing(reason))
    scan = scan_gpus(tmp_path)

    assert scan.gpus == ()
    assert scan.problem is not None
    assert reason in scan.problem


def test_without_nvidia_ml_py_there_is_a_reason(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert "pynvml" in (scan_gpus(tmp_path).problem or "")


def test_a_driver_that_fails_later_is_shut_down(nvml, tmp_path: Path) -> None:
    calls: list[str] = []
    nvml(nvmlDeviceGetCount=failing("GPU is lost"), nvmlShutdown=lambda: calls.append("shutdown"))
    scan = scan_gpus(tmp_path)

    assert "GPU is lost" in (scan.problem or "")
    assert calls == ["shutdown"]


def test_a_driver_without_a_gpu(nvml, tmp_path: Path) -> None:
    nvml(nvmlDeviceGetCount=lambda: 0)
    scan = scan_gpus(tmp_path)

    assert (scan.gpus, scan.problem) == ((), "the NVIDIA driver has no GPU")


def test_a_container_with_cuda_but_without_nvml_still_has_its_gpu(nvml, tmp_path: Path) -> None:
    listing = tmp_path / "proc/driver/nvidia/gpus/0000:00:1e.0"
    listing.mkdir(parents=True)
    (listing / "information").write_text(PROC_INFORMATION)
    nvml(nvmlInit=failing("NVML Shared Library Not Found"))
    scan = scan_gpus(tmp_path)

    assert scan.gpus == (Gpu(index=0, name="Tesla T4", uuid=T4),)
    assert "NVML Shared Library Not Found" in (scan.problem or "")


@pytest.mark.parametrize(
    ("variable", "names"),
    [
        ("0", ["NVIDIA L4"]),
        ("1", ["Tesla T4"]),
        ("1,0", ["Tesla T4", "NVIDIA L4"]),
        (" 1 , 0 ", ["Tesla T4", "NVIDIA L4"]),
        ("GPU-7d", ["Tesla T4"]),
        (f"{T4},{L4}", ["Tesla T4", "NVIDIA L4"]),
        ("0,7,1", ["NVIDIA L4"]),  # CUDA stops at the first that does not exist
        ("0,0", ["NVIDIA L4"]),
        ("MIG-1a2b", ["NVIDIA L4"]),
    ],
)
def test_only_what_cuda_will_see_counts_numbered_as_cuda_will(nvml, tmp_path, monkeypatch, variable, names) -> None:
    nvml()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    gpus = scan_gpus(tmp_path).gpus

    assert [gpu.name for gpu in gpus] == names
    assert [gpu.index for gpu in gpus] == list(range(len(names)))


@pytest.mark.parametrize("variable", ["", "-1", "none", "GPU-7"])
def test_hidden_gpus_are_no_gpus_and_the_reason_says_so(nvml, tmp_path, monkeypatch, variable: str) -> None:
    nvml()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    scan = scan_gpus(tmp_path)

    assert scan.gpus == ()
    assert scan.problem == f"CUDA_VISIBLE_DEVICES={variable!r} hides all 2 GPUs"


def test_the_real_library_never_raises() -> None:
    scan = scan_gpus()

    assert bool(scan.gpus) or scan.problem is not None
