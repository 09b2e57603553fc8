"""Against a stand-in for pynvml with the functions, names and error type of nvidia-ml-py."""

from __future__ import annotations

import sys

import pytest

from inference_models.environment import Gpu
from inference_models.environment.nvml import NVMLUnavailableError, ask_nvml


def test_all_facts(driver) -> None:
    driver.install()
    scan = ask_nvml()

    assert scan.gpus == (
        Gpu(index=0, name="NVIDIA L4", compute_capability="8.9", memory_bytes=24 << 30, uuid=driver.L4),
        Gpu(index=1, name="Tesla T4", compute_capability="7.5", memory_bytes=16 << 30, uuid=driver.T4),
    )
    assert (scan.driver_version, scan.cuda_version, scan.problem) == ("550.54.15", "12.4", None)
    assert scan.sources == {"gpus": "NVML", "driver_version": "NVML", "cuda_version": "NVML"}


def test_older_releases_answer_with_bytes(driver) -> None:
    driver.install(nvmlDeviceGetName=lambda handle: b"Tesla T4", nvmlSystemGetDriverVersion=lambda: b"470.1")
    scan = ask_nvml()

    assert scan.gpus[0].name == "Tesla T4"
    assert scan.driver_version == "470.1"


def test_a_question_that_the_driver_does_not_answer_is_none(driver) -> None:
    driver.install(
        nvmlDeviceGetMemoryInfo=driver.failing("Not Supported"),
        nvmlSystemGetCudaDriverVersion_v2=driver.failing("Not Found"),
    )
    scan = ask_nvml()

    assert [gpu.memory_bytes for gpu in scan.gpus] == [None, None]
    assert scan.cuda_version is None
    assert scan.problem is None
    assert "cuda_version" not in scan.sources


@pytest.mark.parametrize("reason", ["NVML Shared Library Not Found", "Driver Not Loaded", "Insufficient Permissions"])
def test_without_a_driver_there_is_a_reason(driver, reason: str) -> None:
    driver.install(nvmlInit=driver.failing(reason))

    with pytest.raises(NVMLUnavailableError, match=f"no NVIDIA driver answers: {reason}"):
        ask_nvml()


def test_without_nvidia_ml_py_there_is_a_reason(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(NVMLUnavailableError, match="pynvml"):
        ask_nvml()


def test_a_driver_that_fails_later_is_shut_down(driver) -> None:
    calls: list[str] = []
    driver.install(nvmlDeviceGetCount=driver.failing("GPU is lost"), nvmlShutdown=lambda: calls.append("shutdown"))

    with pytest.raises(NVMLUnavailableError, match="GPU is lost"):
        ask_nvml()
    assert calls == ["shutdown"]


def test_a_driver_without_a_gpu(driver) -> None:
    driver.install(nvmlDeviceGetCount=lambda: 0)
    scan = ask_nvml()

    assert (scan.gpus, scan.problem) == ((), "the NVIDIA driver has no GPU")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the library has no name that can be tried")
def test_without_the_library_pynvml_is_not_imported(monkeypatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setattr("ctypes.CDLL", refuse)
    with pytest.raises(NVMLUnavailableError, match=r"no NVIDIA driver answers: libnvidia-ml\.so\.1: cannot open"):
        ask_nvml()

    assert "pynvml" not in sys.modules


def test_the_real_library_has_every_name_that_is_used(driver) -> None:
    real = pytest.importorskip("pynvml")
    driver.install()
    names = [name for name in vars(sys.modules["pynvml"]) if name.startswith(("nvml", "NVML"))]

    assert len(names) > 10
    assert [name for name in names if not hasattr(real, name)] == []
