"""Every way to find GPUs, and what happens where one is missing, fails or hangs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from inference_models.environment import Environment, Gpu, current_environment
from inference_models.environment.driver import scan_gpus
from inference_models.errors import InvalidEnvVariable

VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 11\n"
OPEN_VERSION = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16)\n"

ORIN = {"cuda": 12060, "gpus": [{"name": "Orin", "capability": [8, 7], "memory": 8 << 30, "uuid": None}]}


@pytest.fixture
def hanging(driver, monkeypatch):
    """Put a driver in place whose `nvmlInit` never answers."""
    release = threading.Event()
    monkeypatch.setenv("INFERENCE_MODELS_PROBE_TIMEOUT", "0.05")
    driver.install(nvmlInit=release.wait)
    yield driver
    release.set()


@pytest.fixture
def cuda(driver, monkeypatch):
    """Return a function that lets CUDA answer: `cuda(answer)`; it gives a list of the budgets it was asked with."""

    def answer_with(answer: object) -> list[float]:
        asked: list[float] = []

        def ask(seconds: float) -> object:
            asked.append(seconds)
            return answer

        monkeypatch.setattr("inference_models.environment.cuda_driver.ask_cuda", ask)
        return asked

    return answer_with


def test_where_nvml_knows_everything_nobody_else_is_asked(driver, cuda, tmp_path: Path) -> None:
    driver.install()
    asked = cuda(ORIN)
    scan = scan_gpus(tmp_path)

    assert [gpu.name for gpu in scan.gpus] == ["NVIDIA L4", "Tesla T4"]
    assert scan.problem is None
    assert asked == []


def test_hidden_gpus(driver, tmp_path: Path, monkeypatch) -> None:
    driver.install()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", driver.T4)
    assert [(gpu.index, gpu.name) for gpu in scan_gpus(tmp_path).gpus] == [(0, "Tesla T4")]

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    scan = scan_gpus(tmp_path)
    assert scan.gpus == ()
    assert scan.problem == "CUDA_VISIBLE_DEVICES='-1' hides all 2 GPUs"
    assert scan.driver_version == "550.54.15"


def test_a_driver_that_hangs_is_a_reason_and_not_a_hang(hanging, cuda, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()
    asked = cuda(ORIN)
    started = time.perf_counter()
    scan = scan_gpus(tmp_path)

    assert time.perf_counter() - started < 60
    assert scan.gpus == ()
    assert scan.problem == "NVML did not answer within 0.05 s (INFERENCE_MODELS_PROBE_TIMEOUT)"
    assert asked == [], "it would hang again"


def test_a_driver_that_hangs_while_it_lists_its_gpus(hanging, monkeypatch, tmp_path: Path) -> None:
    release = threading.Event()
    monkeypatch.setattr("inference_models.environment.driver._listed", lambda root: release.wait())
    scan = scan_gpus(tmp_path)
    release.set()

    assert "NVML did not answer" in scan.problem
    assert "/proc/driver/nvidia/gpus did not answer" in scan.problem


@pytest.mark.usefixtures("hanging")
def test_the_whole_report_goes_on_without_it(monkeypatch) -> None:
    report = Environment(lambda: pytest.fail("no backend is asked")).gpu_scan

    assert "did not answer within" in report.problem
    monkeypatch.setenv("INFERENCE_MODELS_PROBE_TIMEOUT", "soon")
    with pytest.raises(InvalidEnvVariable, match="INFERENCE_MODELS_PROBE_TIMEOUT"):
        scan_gpus()


def test_a_damaged_nvidia_ml_py_is_a_reason(driver, tmp_path: Path) -> None:
    driver.install(nvmlDeviceGetCount=lambda: {}["count"])

    assert scan_gpus(tmp_path).problem == "NVML cannot be asked: KeyError: 'count'"


@pytest.mark.parametrize(("text", "version"), [(VERSION, "550.54.15"), (OPEN_VERSION, "560.35.03"), ("?", None)])
def test_a_container_with_cuda_but_without_nvml_still_has_its_gpu(driver, tmp_path: Path, text: str, version) -> None:
    driver.install(nvmlInit=driver.failing("NVML Shared Library Not Found"))
    driver.list_t4(tmp_path)
    (tmp_path / "proc/driver/nvidia/version").write_text(text)
    scan = scan_gpus(tmp_path)

    assert scan.gpus == (Gpu(index=0, name="Tesla T4", uuid=driver.T4),)
    assert "NVML Shared Library Not Found; the driver itself lists 1" in scan.problem
    assert scan.driver_version == version
    assert scan.sources["gpus"] == "/proc/driver/nvidia/gpus"
    assert scan.sources.get("driver_version") == ("/proc/driver/nvidia/version" if version else None)


def test_cuda_knows_what_the_listing_does_not(driver, cuda, tmp_path: Path) -> None:
    driver.install(nvmlInit=driver.failing("NVML Shared Library Not Found"))
    driver.list_t4(tmp_path)
    (tmp_path / "proc/driver/nvidia/version").write_text(VERSION)
    row = {"name": "Tesla T4", "capability": [7, 5], "memory": 16 << 30, "uuid": driver.T4}
    cuda({"cuda": 12040, "gpus": [row]})
    scan = scan_gpus(tmp_path)

    assert scan.gpus == (
        Gpu(index=0, name="Tesla T4", compute_capability="7.5", memory_bytes=16 << 30, uuid=driver.T4),
    )
    assert (scan.driver_version, scan.cuda_version, scan.problem) == ("550.54.15", "12.4", None)
    assert scan.sources["gpus"] == scan.sources["cuda_version"] == "libcuda-of-no-one.so.1"
    assert scan.sources["driver_version"] == "/proc/driver/nvidia/version"


@pytest.mark.parametrize("node", ["nvhost-gpu", "nvgpu", "nvmap", "dxg", "nvidiactl"])
def test_a_jetson_whose_release_has_no_nvml(driver, cuda, tmp_path: Path, node: str) -> None:
    driver.install(nvmlInit=driver.failing("NVML Shared Library Not Found"))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / node).touch()
    cuda(ORIN)
    scan = scan_gpus(tmp_path)

    assert scan.gpus == (Gpu(index=0, name="Orin", compute_capability="8.7", memory_bytes=8 << 30),)
    assert (scan.cuda_version, scan.problem) == ("12.6", None)


def test_a_jetson_whose_nvml_knows_names_only(driver, cuda, tmp_path: Path) -> None:
    driver.install(
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetName=lambda handle: "Orin (nvgpu)",
        nvmlDeviceGetCudaComputeCapability=driver.failing("Not Supported"),
        nvmlDeviceGetMemoryInfo=driver.failing("Not Supported"),
    )
    cuda(ORIN)
    scan = scan_gpus(tmp_path)

    assert scan.gpus[0].compute_capability == "8.7"
    assert scan.driver_version == "550.54.15"
    assert scan.sources["driver_version"] == "NVML"


@pytest.mark.parametrize("answer", [{"error": "cuInit answers 803"}, {"cuda": 12040, "gpus": []}, {}])
def test_cuda_that_does_not_work_changes_nothing(driver, cuda, tmp_path: Path, answer) -> None:
    driver.install(nvmlInit=driver.failing("Driver/library version mismatch"))
    driver.list_t4(tmp_path)
    cuda(answer)
    scan = scan_gpus(tmp_path)

    assert [gpu.name for gpu in scan.gpus] == ["Tesla T4"]
    assert "Driver/library version mismatch" in scan.problem


def test_cuda_that_hangs_is_left_behind(driver, cuda, tmp_path: Path, monkeypatch) -> None:
    release = threading.Event()
    monkeypatch.setenv("INFERENCE_MODELS_PROBE_TIMEOUT", "0.01")
    monkeypatch.setattr("inference_models.environment.cuda_driver.ask_cuda", lambda seconds: release.wait())
    driver.install(nvmlInit=driver.failing("Not Found"))
    driver.list_t4(tmp_path)
    scan = scan_gpus(tmp_path)
    release.set()

    assert [gpu.name for gpu in scan.gpus] == ["Tesla T4"]


def test_a_machine_without_any_of_it(driver, tmp_path: Path) -> None:
    driver.install(nvmlInit=driver.failing("NVML Shared Library Not Found"))
    scan = scan_gpus(tmp_path)

    assert scan.gpus == ()
    assert scan.problem == "no NVIDIA driver answers: NVML Shared Library Not Found"
    assert scan.sources == {}


def test_the_real_libraries_never_raise() -> None:
    scan = scan_gpus()

    assert bool(scan.gpus) or scan.problem is not None
    assert current_environment().gpus == current_environment().gpu_scan.gpus
