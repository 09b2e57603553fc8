from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from inference_models.describe import print_environment
from inference_models.environment import BackendStatus, Environment, Gpu, Host, Jetson, Library, LibraryScan

Printed = Callable[..., str]
Report = Callable[..., str]

HOST = Host(
    os="Ubuntu 22.04.4 LTS",
    machine="aarch64",
    python="CPython 3.11.7",
    cpus=8,
    available_cpus=3,
    memory_bytes=16 * 2**30,
)
ONNX = BackendStatus(
    name="onnx",
    priority=600,
    distribution="im-backend-onnx",
    facts={"version": "1.31.1", "providers": ["CPU"], "no": ()},
)
TRT = BackendStatus(
    name="trt",
    priority=700,
    distribution="im-backend-trt",
    available=False,
    reason="tensorrt is not installed",
    fix='pip install "im-backend-trt[cuda]"',
)


@pytest.fixture
def report(printed: Printed) -> Report:
    def call(**facts: Any) -> str:
        return printed(print_environment, Environment.from_facts(host=HOST, **facts))

    return call


def test_every_backend_says_whether_and_why_not_and_what_to_do(report: Report) -> None:
    text = report(backends=[ONNX, TRT])
    rows = [line for line in text.splitlines() if line.startswith(("onnx", "trt"))]
    assert [row.split()[:2] for row in rows] == [["trt", "unavailable:"], ["onnx", "available"]]
    assert "tensorrt is not installed" in rows[0]
    assert "im-backend-trt" in rows[0]
    assert 'To fix it: pip install "im-backend-trt[cuda]"' in text
    assert "im-backend-onnx   version: 1.31.1; providers: CPU" in rows[1]


def test_the_machine(report: Report) -> None:
    text = report(gpu_problem="no NVIDIA driver answers")
    for fact in ("Ubuntu 22.04.4 LTS", "aarch64", "3 of 8 usable", "16.0 GiB", "CPython 3.11.7"):
        assert fact in text
    assert "GPUs               none: no NVIDIA driver answers" in text
    assert "Jetson             no" in text
    assert "driver" not in text.replace("no NVIDIA driver answers", "")


def test_gpus_with_driver(report: Report) -> None:
    gpus = [
        Gpu(index=0, name="NVIDIA L4", compute_capability="8.9", memory_bytes=24 * 2**30),
        Gpu(index=1, name="NVIDIA GPU"),
    ]
    text = report(gpus=gpus, driver_version="550.54.15", cuda_version="12.4", gpu_problem="NVML cannot be asked")
    assert "cuda:0 NVIDIA L4, 24.0 GiB, compute capability 8.9\n" in text
    assert "cuda:1 NVIDIA GPU\n" in text
    assert "GPU note           NVML cannot be asked" in text
    assert "NVIDIA driver      550.54.15" in text
    assert "CUDA up to         12.4" in text


def test_jetson(report: Report) -> None:
    text = report(jetson=Jetson(model="Orin NX", l4t_version="36.4.3"))
    assert "Jetson             Orin NX\n" in text
    assert "Jetson Linux       36.4.3\n" in text
    text = report(jetson=Jetson(module="nvidia-jetson-nano"))
    assert "Jetson             nvidia-jetson-nano\n" in text
    assert "Jetson Linux       of unknown version\n" in text


def test_each_fact_says_where_it_was_read(printed: Printed) -> None:
    environment = Environment.from_facts(
        host=evolve(HOST, processor="Cortex-A78AE", sources={"os": "/etc/os-release", "processor": "/proc/cpuinfo"}),
        jetson=Jetson(model="Orin NX", l4t_version="36.4.3", sources={"l4t_version": "/etc/nv_tegra_release"}),
    )
    rows = {line.split("   ")[0]: line for line in printed(print_environment, environment).splitlines()}
    assert rows["operating system"].endswith(" /etc/os-release")
    assert rows["processor"].endswith(" /proc/cpuinfo")
    assert "Cortex-A78AE, aarch64 " in rows["processor"]
    assert rows["Jetson Linux"].endswith(" /etc/nv_tegra_release")
    assert rows["Python"].endswith("CPython 3.11.7")


def test_versions_of_runtimes(report: Report) -> None:
    text = report(installed={"torch": "2.13.0+cpu", "numpy": "2.4.6"})
    assert "torch   2.13.0+cpu   distribution metadata of torch\n" in text
    assert "numpy   2.4.6        distribution metadata of numpy\n" in text


def test_libraries_stand_before_other_distributions_and_once(report: Report) -> None:
    source = "distribution metadata of torch, /site/torch/version.py"
    text = report(
        libraries=[
            Library(name="cudnn", version="9.1.0", source="/usr/lib/libcudnn.so.9"),
            Library(name="torch", version="2.13.0", source=source, details={"build": "CUDA 12.8"}),
            Library(name="onnxruntime", version="1.31.1", source="distribution metadata of onnxruntime-gpu"),
        ],
        installed={"numpy": "2.4.6", "torch": "2.13.0", "onnxruntime-gpu": "1.31.1"},
    )
    rows = [line.split() for line in text.partition("Installed\n")[2].splitlines()[2:]]
    assert [row[0] for row in rows] == ["cudnn", "torch", "onnxruntime", "numpy"]
    assert f"2.13.0    build: CUDA 12.8   {source}" in text


def test_libraries_that_are_not_known(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = LibraryScan(problem="the disk did not answer")
    monkeypatch.setattr(Environment, "library_scan", problem)
    assert "Libraries are not known: the disk did not answer" in printed(
        print_environment, Environment.from_facts(host=HOST)
    )


def test_no_backend_at_all(report: Report) -> None:
    assert "No installed plugin declares a backend" in report()


def test_a_backend_that_a_known_distribution_brings_is_named(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    hint = " Install it: pip install im-acme."
    monkeypatch.setattr(
        "inference_models.describe.environment.install_hint", lambda kind, name: hint if name == "onnx" else ""
    )
    line = "Backend 'onnx' is not installed. Install it: pip install im-acme."
    assert line in report(backends=[TRT])
    assert line not in report(backends=[ONNX])


def test_no_facts_no_column(report: Report) -> None:
    assert "details" not in report(backends=[TRT])
    assert "details" in report(backends=[ONNX])


def test_memory_that_the_system_does_not_state(printed: Printed) -> None:
    environment = Environment.from_facts(host=evolve(HOST, memory_bytes=None))
    assert "memory" not in printed(print_environment, environment)


def test_the_real_machine(printed: Printed, capsys: pytest.CaptureFixture[str]) -> None:
    environment = Environment()
    text = printed(print_environment, environment)
    assert environment.host.python in text
    assert all(name in text for name in environment.backends)
    json.dumps(environment.to_dict())
    print_environment(environment)
    assert environment.host.os in capsys.readouterr().out
