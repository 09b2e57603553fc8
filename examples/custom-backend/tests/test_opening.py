"""Packages, devices and options: what opens, and what the errors say."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from custom_backend.devices import choose_device, openvino_name, our_name
from custom_backend.network import import_openvino, reason_of
from custom_backend.opening import open_session
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    MissingDependencyError,
)
from inference_models.developer_tools import available_cpus


class Core:
    """A machine with some devices."""

    def __init__(self, *devices: str) -> None:
        self.available_devices = list(devices)

    def get_property(self, device: str, name: str) -> str:
        raise RuntimeError(f"Exception from core.cpp:117:\nCannot load {device}'s driver\n\n")


def test_names_of_devices() -> None:
    names = {"cpu": "CPU", "gpu": "GPU", "gpu:1": "GPU.1", "npu": "NPU", "GPU:0": "GPU.0"}
    assert {name: openvino_name(name) for name in names} == names
    others = ("cuda", "cuda:0", "mps", "cpu:0", "npu:1", "gpu:x", "gpu:", "cpu:", "gpu:\u0663")
    assert [openvino_name(name) for name in others] == [None] * len(others)
    assert our_name("GPU.1") == "gpu:1"


def test_the_cpu_unless_another_device_is_asked_for() -> None:
    core = Core("CPU", "GPU", "NPU")
    assert [choose_device(core, name) for name in (None, "cpu", "gpu", "gpu:0", "npu")] == [
        "CPU", "CPU", "GPU", "GPU.0", "NPU"
    ]  # fmt: skip
    assert choose_device(Core("CPU", "GPU.0", "GPU.1"), "gpu:1") == "GPU.1"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("gpu", "'gpu': Cannot load GPU's driver. It can use: cpu. Install"),
        ("gpu:3", "'gpu:3': Cannot load GPU.3's driver"),
        ("npu", "'npu': Cannot load NPU's driver"),
        ("cuda:0", "OpenVINO runs on cpu, gpu and gpu:<number>"),
    ],
)
def test_a_device_that_is_missing_is_an_error_with_the_reason(asked: str, reason: str) -> None:
    with pytest.raises(DeviceUnavailableError, match=reason):
        choose_device(Core("CPU"), asked)


@pytest.mark.parametrize("device", ["gpu", "npu"])
def test_the_real_one_is_never_replaced_by_the_cpu(linear, device: str) -> None:
    if any(name.startswith(device.upper()) for name in import_openvino().Core().available_devices):
        assert open_session(linear, device=device).device.partition(":")[0] == device
        return
    with pytest.raises(DeviceUnavailableError, match="It can use: cpu"):
        open_session(linear, device=device)


def test_threads(linear) -> None:
    assert open_session(linear, options={"openvino_threads": 1}).runtime["threads"] == 1
    assert 1 <= open_session(linear).runtime["threads"] <= available_cpus()


def test_precision_is_float32_unless_another_is_asked_for(linear) -> None:
    assert open_session(linear).runtime["precision"] == "f32"
    session = open_session(linear, options={"openvino_precision": "BF16"})
    assert session.runtime["precision"] in {"bf16", "f32"}  # what this CPU has
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(session.run({"x": x})["doubled"], x + x, rtol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"openvino_threads": 0}, "whole number of at least 1, not 0"),
        ({"openvino_threads": True}, "not True"),
        ({"openvino_precision": "int8"}, "one of fp32, bf16, fp16, not 'int8'"),
        ({"openvino_precision": 16}, "not 16"),
        ({"onnx_threads": 1}, "no option 'onnx_threads' here, only openvino_precision, openvino_threads"),
    ],
)
def test_options_that_make_no_sense(linear, options, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        open_session(linear, options=options)


@pytest.mark.parametrize("name", ["model", "openvino_model"])
def test_files_as_other_exporters_name_them(linear, tmp_path, name: str) -> None:
    for suffix in (".xml", ".bin"):
        shutil.copyfile(linear / f"weights{suffix}", tmp_path / f"{name}{suffix}")
    assert open_session(tmp_path).inputs[0].name == "x"


def test_an_empty_directory_and_none_at_all(tmp_path) -> None:
    (tmp_path / "weights.onnx").touch()
    with pytest.raises(CorruptedModelPackageError, match=r"neither weights\.xml nor .*It has: weights\.onnx"):
        open_session(tmp_path)
    with pytest.raises(CorruptedModelPackageError, match="It is empty or missing"):
        open_session(tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("weights.xml", lambda data: b"", "no network in OpenVINO's format"),
        ("weights.xml", lambda data: b"hello", "no network in OpenVINO's format"),
        ("weights.xml", lambda data: data[: len(data) // 2], "no complete network"),
        ("weights.xml", lambda data: data.replace(b'type="MatMul"', b'type="Mystery"'), "no complete network.*Mystery"),
        ("weights.bin", lambda data: data[:20], "no complete network: Incorrect weights"),
        ("weights.bin", lambda data: None, "no complete network"),
    ],
)
def test_damaged_files(linear, tmp_path, name: str, change, reason: str, capfd) -> None:
    package = tmp_path / "package"
    shutil.copytree(linear, package)
    data = change((package / name).read_bytes())
    (package / name).unlink()
    if data is not None:
        (package / name).write_bytes(data)
    with pytest.raises(CorruptedModelPackageError, match=f"(?s){reason}.*again"):
        open_session(package)
    assert capfd.readouterr().err == "", "no other reader was tried on it"


def test_without_openvino(linear, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        open_session(linear)


def test_what_openvino_says_without_its_source_lines() -> None:
    text = "Exception from src/a.cpp:1:\nCheck 'x' failed at src/b.cpp:2:\nNo such layer!\n\n"
    assert reason_of(RuntimeError(text)) == "No such layer"
    assert reason_of(RuntimeError("")) == "RuntimeError"
    assert reason_of(RuntimeError("Exception from a.cpp:1:")) == "Exception from a.cpp:1:"
