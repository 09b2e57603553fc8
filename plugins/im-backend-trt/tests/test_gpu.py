"""The real thing: the full TensorRT on a real GPU. `pytest -m gpu` where there is one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from im_backend_trt.compiler import compile_package
from im_backend_trt.detection import find_runtimes
from im_backend_trt.opening import open_session
from inference_models import CorruptedModelPackageError, ModelRuntimeError, Quantization
from inference_models.developer_tools import CompileOptions, ModelPackageMetadata, TRTCudaGraphCache, run_batched

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
    pytest.mark.skipif(
        not any(runtime.kind == "full" for runtime in find_runtimes()), reason="the full TensorRT is not installed"
    ),
]

Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, networks) -> Build:
    """Return a function that builds a small convolutional network and returns the package."""
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c"], ["s"]),
        helper.make_node("Mul", ["c", "s"], ["m"]),
        helper.make_node("ReduceMean", ["m"], ["y"], axes=[2, 3], keepdims=0),
    ]
    weights = {"w": generator.standard_normal((8, 3, 3, 3)).astype(np.float32) / 5}
    source = tmp_path_factory.mktemp("onnx")
    onnx.save(networks.make(nodes, {"x": ["n", 3, 32, 32]}, {"y": ["n", 8]}, weights), source / "weights.onnx")

    def call(**options: object) -> Path:
        output = tmp_path_factory.mktemp("engine")
        package = ModelPackageMetadata("p", "onnx", directory=source, quantization="fp32")
        compile_package(source, output, package=package, options=CompileOptions(**options), progress=print)
        (output / "reference.onnx").write_bytes((source / "weights.onnx").read_bytes())
        return output

    return call


@pytest.fixture(scope="module")
def engine(build: Build) -> Path:
    """The network for batches of 2 to 8."""
    return build(batch_size=(2, 4, 8))


def images(count: int, device: str = "cuda") -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).random((count, 3, 32, 32), np.float32)).to(device)


def expected(directory: Path, x: torch.Tensor) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(directory / "reference.onnx"), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {"x": x.cpu().numpy()})[0]
    return result


@pytest.mark.parametrize("count", [1, 2, 8, 21])
def test_an_engine_computes_what_onnx_runtime_does(engine: Path, count: int) -> None:
    session = open_session(engine)
    assert session.device.startswith("cuda:")
    x = images(count, session.device)
    y = run_batched(session, {"x": x})["y"]
    assert str(y.device) == session.device
    np.testing.assert_allclose(y.cpu().numpy(), expected(engine, x), atol=2e-3)  # TF32 rounds more than float32


def test_half_precision(build: Build) -> None:
    directory = build(quantization=Quantization.FP16, batch_size=(1, 1, 1))
    session = open_session(directory)
    x = images(1, session.device)
    np.testing.assert_allclose(session.run({"x": x})["y"].cpu().numpy(), expected(directory, x), atol=1e-2)


def test_graphs_compute_the_same(engine: Path) -> None:
    cache = TRTCudaGraphCache(2)
    session = open_session(engine, options={"cuda_graph_cache": cache})
    for count in (2, 3, 2, 4, 2):
        x = images(count, session.device)
        np.testing.assert_allclose(session.run({"x": x})["y"].cpu().numpy(), expected(engine, x), atol=2e-3)
    assert len(cache) == 2


@pytest.mark.parametrize("graphs", [False, True])
def test_threads_with_streams_of_their_own(engine: Path, graphs: bool) -> None:
    session = open_session(engine, options={"cuda_graph_cache": TRTCudaGraphCache(4)} if graphs else {})

    def run(number: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream(session.device)):
            for step in range(20):
                x = images(2 + (number + step) % 5, session.device)
                y = session.run({"x": x})["y"].cpu().numpy()
                np.testing.assert_allclose(y, expected(engine, x), atol=2e-3)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))


def test_an_engine_that_was_cut_short(engine: Path, tmp_path: Path) -> None:
    (tmp_path / "engine.plan").write_bytes((engine / "engine.plan").read_bytes()[:-1000])
    with pytest.raises(CorruptedModelPackageError, match="TensorRT says"):
        open_session(tmp_path)


def test_what_is_on_the_host_or_too_large_is_refused(engine: Path) -> None:
    session = open_session(engine)
    with pytest.raises(ModelRuntimeError, match="move it with to"):
        session.run({"x": images(2, "cpu")})
    with pytest.raises(ModelRuntimeError, match="outside of what the engine was built for"):
        session.run({"x": images(9, session.device)})
