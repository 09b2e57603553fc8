"""What is asked of torch, with a stand-in for it that counts; `test_gpu.py` has the real one."""

from __future__ import annotations

import builtins
import inspect
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from im_backend_trt import cuda
from im_backend_trt.cuda import CudaDevice, choose_device, import_torch
from inference_models import DeviceUnavailableError, InvalidParameterError, MissingDependencyError
from inference_models.developer_tools import Environment, ModelPackageMetadata, TRTPackageDetails
from inference_models.environment import Gpu

GPUS = [
    Gpu(index=0, name="Tesla T4", compute_capability="7.5"),
    Gpu(index=1, name="NVIDIA L4", compute_capability="8.9"),
]


def make_torch(built_for: str | None = "12.8", count: int = 2, problem: Exception | None = None) -> Any:
    """Return a torch with GPUs, or with a reason why there are none."""

    def init() -> None:
        if problem is not None:
            raise problem

    functions = SimpleNamespace(init=init, device_count=lambda: count, current_device=lambda: 0)
    return SimpleNamespace(__version__="2.8.0", version=SimpleNamespace(cuda=built_for), cuda=functions)


def package(tmp_path: Any, **details: Any) -> ModelPackageMetadata:
    return ModelPackageMetadata("p", "trt", directory=tmp_path, backend_details=TRTPackageDetails(**details))


class TestChoosing:
    @pytest.fixture(autouse=True)
    def two_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        environment = Environment.from_facts(gpus=GPUS)
        monkeypatch.setattr(cuda, "x_ray_runtime_environment", lambda: environment)

    @pytest.mark.parametrize(
        ("asked", "name"), [(None, "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("CUDA:0", "cuda:0")]
    )
    def test_what_was_asked_for(self, asked: str | None, name: str) -> None:
        assert choose_device(make_torch(), asked).name == name

    def test_by_default_the_gpu_that_the_engine_was_built_for(self, tmp_path) -> None:
        for_l4 = package(tmp_path, device_name="nvidia-l4", compute_capability="8.9")
        assert choose_device(make_torch(), None, for_l4).name == "cuda:1"
        assert choose_device(make_torch(), "cuda:0", for_l4).name == "cuda:0", "what was asked for is what runs"
        elsewhere = package(tmp_path, device_name="nvidia-h100", compute_capability="9.0")
        assert choose_device(make_torch(), None, elsewhere).name == "cuda:0"

    @pytest.mark.parametrize(
        ("module", "asked", "said"),
        [
            (
                make_torch(built_for=None),
                None,
                "a GPU: the installed torch 2.8.0 is built without CUDA; install a build",
            ),
            (
                make_torch(problem=RuntimeError("No CUDA GPUs are available")),
                "cuda",
                "cuda: No CUDA GPUs are available; c",
            ),
            (
                make_torch(problem=AssertionError("Torch not compiled with CUDA enabled")),
                None,
                "not compiled with CUDA",
            ),
            (make_torch(problem=RuntimeError()), None, "RuntimeError; check the driver"),
            (make_torch(), "cuda:2", "cuda:2: the highest that this process can use is cuda:1"),
        ],
    )
    def test_what_cannot_be_had(self, module: Any, asked: str | None, said: str) -> None:
        with pytest.raises(DeviceUnavailableError, match=said):
            choose_device(module, asked)

    def test_another_kind_of_device(self) -> None:
        with pytest.raises(InvalidParameterError, match="NVIDIA GPUs only"):
            choose_device(make_torch(), "cpu")


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"torch, which holds the arrays on the GPU, .*No module"):
        import_torch()


def test_a_device_asks_torch_for_everything_by_its_own_name() -> None:
    asked: list[Any] = []

    def note(answer: Any) -> Any:
        def function(*arguments: Any, **options: Any) -> Any:
            asked.append((*arguments, *options.values()))
            return answer

        return function

    @contextmanager
    def recording(*arguments: Any, **options: Any) -> Any:
        asked.append(("begin", *options.values()))
        yield
        asked.append(("end",))

    functions = SimpleNamespace(
        device=note("active"),
        Stream=note("stream"),
        current_stream=note("current"),
        stream=note("on"),
        mem_get_info=note((3, 8)),
        get_device_name=note("NVIDIA L4"),
        get_device_capability=note((8, 9)),
        CUDAGraph=lambda: "graph",
        graph=recording,
    )
    device = CudaDevice(SimpleNamespace(cuda=functions), 1)
    assert (device.active(), device.new_stream(), device.current_stream()) == ("active", "stream", "current")
    assert (device.on("s"), device.memory(), device.describe()) == ("on", (3, 8), ("NVIDIA L4", "8.9"))
    assert asked == [("cuda:1",), ("cuda:1",), ("cuda:1",), ("s",), ("cuda:1",), ("cuda:1",), ("cuda:1",)]
    asked.clear()
    assert device.record("s", lambda: asked.append("enqueued")) == "graph"
    assert asked == [("begin", "s", "thread_local"), "enqueued", ("end",)]
    tensor = SimpleNamespace(record_stream=note(None))
    device.hold(tensor, "s")
    assert asked[-1] == ("s",)


def test_the_real_torch_has_all_of_it() -> None:
    real = torch.cuda
    for name in ("init", "device_count", "current_device", "device", "Stream", "current_stream", "stream", "CUDAGraph"):
        assert hasattr(real, name)
    for function in (real.mem_get_info, real.get_device_name, real.get_device_capability):
        assert "device" in inspect.signature(function).parameters
    assert {"cuda_graph", "stream", "capture_error_mode"} <= set(inspect.signature(real.graph.__init__).parameters)
    assert {"wait_stream", "synchronize"} <= set(dir(real.Stream))
    assert hasattr(torch.Tensor, "record_stream")
    assert issubclass(torch.OutOfMemoryError, RuntimeError)
