from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import date
from math import inf
from pathlib import Path

import pytest

from inference_models.environment import (
    BackendStatus,
    Environment,
    Gpu,
    Host,
    Jetson,
    Library,
    current_environment,
    refresh_environment,
)
from inference_models.errors import BackendUnavailable, UnknownBackendTypeError

HOST = Host(os="Plan 9", machine="vax", python="CPython 3.11.7", cpus=8, available_cpus=2, memory_bytes=None)


def test_a_backend_is_asked_once_by_whoever_comes_first(make_catalog) -> None:
    calls: list[str] = []

    def detect() -> dict[str, object]:
        calls.append("asked")
        time.sleep(0.02)
        return {}

    environment = Environment(lambda: make_catalog(("im-acme", "acme", detect)))
    threads = [threading.Thread(target=environment.backend, args=("acme",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    environment.backend("ACME")
    _ = environment.backends

    assert calls == ["asked"]


def test_nothing_is_asked_before_it_is_wanted(make_catalog) -> None:
    def detect() -> None:
        raise AssertionError("not wanted yet")

    catalog = make_catalog(("im-acme", "acme", detect), ("im-other", "other", dict))

    assert Environment(lambda: catalog).backend("other").available


def test_all_backends_the_most_preferred_first(make_catalog) -> None:
    def missing() -> None:
        raise BackendUnavailable("none")

    environment = Environment(lambda: make_catalog(("im-a", "low", dict), ("im-b", "high", missing)))

    assert {name: status.available for name, status in environment.backends.items()} == {"high": False, "low": True}
    assert list(environment.backends) == ["high", "low"]


def test_backends_in_conflict_are_listed_once(make_catalog) -> None:
    environment = Environment(lambda: make_catalog(("im-a", "acme", dict), ("im-b", "acme", dict)))

    assert [status.available for status in environment.backends.values()] == [False]


def test_given_facts_are_all_there_is() -> None:
    gpu = Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")
    environment = Environment.from_facts(
        backends=[BackendStatus(name="torch-script", priority=3), BackendStatus(name="onnx", priority=6)],
        gpus=[gpu],
        driver_version="550.54",
        cuda_version="12.4",
        jetson=Jetson(module="nvidia-jetson-orin-nx"),
    )

    assert list(environment.backends) == ["onnx", "torch-script"]
    assert environment.backend("Torch_Script").name == "torch-script"
    assert environment.gpus == (gpu,)
    assert environment.gpu_scan.cuda_version == "12.4"
    assert environment.jetson == Jetson(module="nvidia-jetson-orin-nx")
    with pytest.raises(UnknownBackendTypeError, match="Did you mean 'onnx'"):
        environment.backend("onx")


def test_a_report_is_plain_values_whatever_the_facts_are() -> None:
    facts = {"version": "1", "path": Path("/opt"), "names": {"b", "a"}, "built": date(2026, 1, 2), 3: (1, inf)}
    environment = Environment.from_facts(
        backends=[BackendStatus(name="acme", facts=facts)],
        gpus=[Gpu(index=0, name="NVIDIA L4")],
        gpu_problem="no memory figures",
        host=HOST,
        installed={"torch": "2.13.0"},
        libraries=[Library(name="torch", version="2.13.0", source="torch/version.py", details={"build": "CPU"})],
    )
    report = environment.to_dict()

    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["backends"]["acme"]["facts"] == {
        "version": "1",
        "path": "/opt",
        "names": ["a", "b"],
        "built": "2026-01-02",
        "3": [1, None],
    }
    assert report["gpus"][0]["name"] == "NVIDIA L4"
    assert report["gpu_problem"] == "no memory figures"
    assert report["host"]["available_cpus"] == 2
    assert report["jetson"] is None
    assert report["installed"] == {"torch": "2.13.0"}
    assert report["installed_source"] == "distribution metadata"
    assert report["libraries"] == [
        {"name": "torch", "version": "2.13.0", "source": "torch/version.py", "details": {"build": "CPU"}}
    ]
    assert report["library_problem"] is None


def test_every_entry_says_where_it_was_read() -> None:
    report = Environment().to_dict()

    known = {name for name, value in report["host"].items() if value is not None and name != "sources"}
    assert set(report["host"]["sources"]) == known
    assert all(library["source"] for library in report["libraries"])
    assert {"driver_version", "cuda_version"} & {name for name, value in report.items() if value is not None} <= set(
        report["gpu_sources"]
    )


def test_there_is_one_environment_per_process_until_it_is_refreshed() -> None:
    first = current_environment()
    assert current_environment() is first

    refresh_environment()
    assert current_environment() is not first


def test_an_installed_plugin_is_asked(install_plugin) -> None:
    install_plugin(
        "im-acme",
        """
        from inference_models.developer_tools import BackendSpec, hookimpl

        @hookimpl
        def im_backends():
            return BackendSpec(name="acme", priority=1, detect=lambda: {"version": "4.2"})
        """,
    )
    status = current_environment().backend("acme")

    assert (status.available, status.distribution, status.facts["version"]) == (True, "im-acme", "4.2")


def test_a_full_report_imports_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "from inference_models.developer_tools import x_ray_runtime_environment\n"
        "json.dumps(x_ray_runtime_environment().to_dict())\n"
        "heavy = ['numpy', 'torch', 'cv2', 'onnxruntime', 'requests', 'supervision', 'transformers', 'rich', 'onnx']\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == []
