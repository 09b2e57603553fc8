from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from im_backend_trt import compiler
from im_backend_trt.compiler import compile_package
from im_backend_trt.manifest import parse_manifest
from im_backend_trt.opening import open_session
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    MissingDependencyError,
    ModelCompilationError,
    Quantization,
)
from inference_models.developer_tools import CompileOptions, Environment, ModelPackageMetadata, TRTPackageDetails
from inference_models.environment import Host, Jetson

HOST = Host(os="Ubuntu 22.04.4 LTS", machine="x86_64", python="", cpus=1, available_cpus=1, memory_bytes=None)
Compile = Callable[..., tuple[dict[str, Any], Path]]


@pytest.fixture
def source(tmp_path: Path, networks) -> Path:
    directory = tmp_path / "onnx"
    directory.mkdir()
    onnx.save(networks.linear(), directory / "weights.onnx")
    (directory / "class_names.txt").write_text("cat\ndog\n")
    return directory


@pytest.fixture
def build(source: Path, tmp_path: Path, device, monkeypatch: pytest.MonkeyPatch) -> Compile:
    """Return a function that compiles the network and returns the manifest and the directory."""
    environment = Environment.from_facts(host=HOST, driver_version="560.35.05")
    monkeypatch.setattr(compiler, "x_ray_runtime_environment", lambda: environment)
    monkeypatch.setattr(torch.version, "cuda", "12.8")

    def call(
        exported_in: str = "fp32", wanted: Quantization | None = None, told: list[Any] | None = None, **options: Any
    ) -> tuple[dict[str, Any], Path]:
        output = tmp_path / "output"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        manifest = compile_package(
            source,
            output,
            package=ModelPackageMetadata("p", "onnx", directory=source, quantization=exported_in),
            options=CompileOptions(quantization=wanted, **options),
            progress=lambda step, share=None: None if told is None else told.append((step, share)),
        )
        return manifest, output

    return call


def test_what_is_built_runs_and_says_what_it_is(build: Compile, networks, fake) -> None:
    told: list[Any] = []
    manifest, output = build(batch_size=(1, 2, 4), told=told)
    assert sorted(path.name for path in output.iterdir()) == ["class_names.txt", "engine.plan", "trt_config.json"]
    size = (output / "engine.plan").stat().st_size
    assert json.loads((output / "trt_config.json").read_text()) == {
        "dynamic_batch_size_min": 1,
        "dynamic_batch_size_opt": 2,
        "dynamic_batch_size_max": 4,
        "engine_size": size,
    }
    fields = parse_manifest(manifest)
    assert (fields["quantization"], fields["min_dynamic_batch_size"], fields["max_dynamic_batch_size"]) == (
        "fp32",
        1,
        4,
    )
    assert fields["backend_details"] == TRTPackageDetails(
        trt_version="10.16.1.11",
        device_name="nvidia-l4",
        compute_capability="8.9",
        cuda_version="12.8",
        driver_version="560.35.05",
        os_version="ubuntu-22.04",
        opt_dynamic_batch_size=2,
    )
    session = open_session(output)
    assert session.batch_range == (1, 4)
    x = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    np.testing.assert_allclose(session.run({"x": x})["y"].numpy(), x.numpy() @ networks.weights, rtol=1e-6)
    assert told[0] == ("reading the network", None)
    assert told[-1] == ("building the engine: Building Engine", 1.0)
    assert fake.state.networks == [1 << 1], "the network's types are kept"


@pytest.mark.parametrize(
    ("batch", "wanted", "expected"),
    [
        ("batch", None, (1, 8)),
        ("batch", (4, 4, 4), (4, 4)),
        ("batch", (2, 3, 5), (2, 5)),
        (6, None, (6, 6)),
        (6, (6, 6, 6), (6, 6)),
    ],
)
def test_batch_sizes(build: Compile, source: Path, networks, batch, wanted, expected: tuple[int, int]) -> None:
    onnx.save(networks.linear(batch), source / "weights.onnx")
    manifest, output = build(batch_size=wanted)
    assert open_session(output).batch_range == expected
    fixed = expected[0] == expected[1]
    assert parse_manifest(manifest)["static_batch_size"] == (expected[0] if fixed else None)
    assert ("static_batch_size" in json.loads((output / "trt_config.json").read_text())) is fixed


def test_a_fixed_batch_cannot_be_another(build: Compile, source: Path, networks) -> None:
    onnx.save(networks.linear(6), source / "weights.onnx")
    with pytest.raises(ModelCompilationError, match=r"for batches of 6, so it cannot be built for \(1, 1, 8\)"):
        build(batch_size=(1, 1, 8))


class TestOpenSizes:
    @pytest.fixture
    def images(self, source: Path, networks) -> Path:
        node = helper.make_node("Identity", ["images"], ["y"])
        shape = ["n", 3, "h", "w"]
        onnx.save(networks.make([node], {"images": shape}, {"y": shape}), source / "weights.onnx")
        return source

    def test_height_and_width_follow_from_the_config(self, build: Compile, images: Path) -> None:
        config = {
            "training_input_size": {"height": 8, "width": 16},
            "dynamic_spatial_size_supported": False,
            "color_mode": "rgb",
            "resize_mode": "letterbox",
            "input_channels": 3,
        }
        (images / "inference_config.json").write_text(json.dumps({"network_input": config}))
        _, output = build(batch_size=(1, 1, 2))
        assert open_session(output).inputs[0].shape == (None, 3, 8, 16)
        assert (output / "inference_config.json").is_file()

    @pytest.mark.usefixtures("images")
    def test_without_one_it_is_an_error(self, build: Compile) -> None:
        with pytest.raises(ModelCompilationError, match=r"'images' has the shape \(-1, 3, -1, -1\), where -1 is open"):
            build()


class TestHalfPrecision:
    def test_tensorrt_10_is_told_to(self, build: Compile, fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiler, "to_half_precision", None)
        manifest, _ = build(wanted=Quantization.FP16)
        assert manifest["quantization"] == "fp16"
        assert (fake.state.flags, fake.state.networks) == ([fake.BuilderFlag.FP16], [0])

    def test_for_tensorrt_11_the_network_is_converted(
        self, build: Compile, fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        converted: list[Path] = []

        def convert(network: Path, output: Path) -> None:
            converted.append(output)
            shutil.copy(network, output)

        monkeypatch.setattr(fake, "BuilderFlag", SimpleNamespace(TF32=1))
        monkeypatch.setattr(compiler, "to_half_precision", convert)
        manifest, output = build(wanted=Quantization.FP16)
        assert manifest["quantization"] == "fp16"
        assert (fake.state.flags, fake.state.networks) == ([], [1 << 1])
        assert len(converted) == 1
        assert not converted[0].exists()
        assert sorted(path.name for path in output.iterdir()) == ["class_names.txt", "engine.plan", "trt_config.json"]


def test_progress_goes_on_and_a_stop_ends_the_build(build: Compile, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.state.build_steps, fake.state.build_step_seconds = 1000, 0.005
    real, calls = threading.Thread.join, []

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        if self.name == "im-compile" and not calls:
            calls.append(timeout)
            real(self, 0.05)
            raise KeyboardInterrupt
        real(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        build()
    assert not [thread for thread in threading.enumerate() if thread.name == "im-compile"]


class TestRefusals:
    def test_an_operator_that_tensorrt_lacks(self, build: Compile, source: Path, networks) -> None:
        node = helper.make_node("Mystery", ["x"], ["y"], domain="acme")
        onnx.save(networks.make([node], {"x": ["n", 3]}, {"y": ["n", 3]}), source / "weights.onnx")
        with pytest.raises(
            ModelCompilationError,
            match=r"TensorRT 10\.16\.1\.11 cannot use weights\.onnx: .*No importer .* op: Mystery \(node 7\)",
        ):
            build()

    def test_a_build_that_fails_has_the_words_of_tensorrt(self, build: Compile, fake) -> None:
        fake.state.say = [("ERROR", "[optimizer.cpp] Could not find any implementation for node {Conv_0}")]
        with pytest.raises(ModelCompilationError, match=r"says: \[optimizer\.cpp\] Could not find any"):
            build()

    def test_a_type_that_cannot_be_made(self, build: Compile) -> None:
        with pytest.raises(ModelCompilationError, match="in fp16 cannot be built in fp32, only in fp16"):
            build("fp16", wanted=Quantization.FP32)

    def test_no_network(self, build: Compile, source: Path) -> None:
        (source / "weights.onnx").unlink()
        with pytest.raises(CorruptedModelPackageError, match=r"neither weights\.onnx nor"):
            build()

    def test_only_a_lean_tensorrt(self, build: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiler, "find_runtimes", list)
        with pytest.raises(MissingDependencyError, match="needs the full TensorRT"):
            build()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_tensorrt_is_not_touched(source: Path, tmp_path: Path) -> None:
    package = ModelPackageMetadata("p", "onnx", directory=source)
    with pytest.raises(DeviceUnavailableError):
        compile_package(source, tmp_path, package=package, options=CompileOptions(), progress=print)


def test_on_a_jetson_its_module_and_release_are_noted(build: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    jetson = Jetson("nvidia-jetson-orin-nx", None, "36.4.0")
    environment = Environment.from_facts(host=HOST, jetson=jetson, driver_version="540.4.0")
    monkeypatch.setattr(compiler, "x_ray_runtime_environment", lambda: environment)
    manifest, _ = build()
    assert manifest["machineType"] == "jetson"
    details: Any = parse_manifest(manifest)["backend_details"]
    assert (details.l4t_version, details.jetson_module) == ("36.4.0", "nvidia-jetson-orin-nx")
