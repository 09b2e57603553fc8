"""On a real GPU of NVIDIA's, with onnxruntime-gpu and a torch that is built for CUDA."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from im_backend_onnx.session import open_session

CUDA, TRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        CUDA not in onnxruntime.get_available_providers(), reason="the installed onnxruntime is built without CUDA"
    ),
]


@pytest.fixture
def torch():
    module = pytest.importorskip("torch")
    if not module.cuda.is_available():
        pytest.skip("torch finds no GPU")
    return module


def test_numpy_arrays_give_what_the_cpu_gives(package: Path, networks) -> None:
    session = open_session(package, device="cuda", options={"onnx_array_kind": "numpy"})
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)

    assert (session.device, session.array_kind) == ("cuda:0", "numpy")
    np.testing.assert_allclose(session.run({"x": x})["y"], x @ networks.weights + networks.bias, atol=1e-3)


def test_tensors_stay_on_the_gpu(package: Path, torch) -> None:
    session = open_session(package, device="cuda")
    expected = open_session(package, device="cpu")
    for batch in (1, 7, 512):
        x = torch.randn(batch, 3, device="cuda:0")
        given = session.run({"x": x})["y"]

        assert given.device == torch.device("cuda:0")
        np.testing.assert_allclose(given.cpu(), expected.run({"x": x.cpu().numpy()})["y"], atol=1e-3)


def test_work_under_way_on_torch_s_stream_is_waited_for(package: Path, torch, networks) -> None:
    session = open_session(package, device="cuda")
    weights, bias = (torch.from_numpy(one).cuda() for one in (networks.weights, networks.bias))
    large = torch.randn(4096, 4096, device="cuda")
    with torch.cuda.stream(torch.cuda.Stream()):
        for number in range(50):
            busy = large @ large  # keeps the stream busy while the input is still to be written
            x = (busy[:64, :3] * 0 + number).contiguous()
            given = session.run({"x": x})["y"]
            del x
            torch.testing.assert_close(given, torch.full((64, 3), float(number), device="cuda") @ weights + bias)


def test_threads_with_streams_of_their_own(package: Path, torch, networks) -> None:
    session, wrong = open_session(package, device="cuda"), []
    weights, bias = (torch.from_numpy(one).cuda() for one in (networks.weights, networks.bias))

    def work(number: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            x = torch.full((number + 1, 3), float(number), device="cuda")
            for _ in range(100):
                if not torch.allclose(session.run({"x": x})["y"], x @ weights + bias, atol=1e-3):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_tensorrt_keeps_its_engine_out_of_the_package(package: Path, torch, tmp_path: Path, monkeypatch) -> None:
    if TRT not in onnxruntime.get_available_providers():
        pytest.skip("the installed onnxruntime is built without TensorRT")
    monkeypatch.setenv("INFERENCE_HOME", str(tmp_path / "home"))
    session = open_session(package, options={"onnx_execution_providers": [TRT, CUDA]})
    if session.runtime["execution_providers"][0] != TRT:
        pytest.skip("TensorRT is not installed")
    session.run({"x": torch.randn(2, 3, device="cuda")})

    assert [file.name for file in package.iterdir()] == ["weights.onnx"]
    assert list((tmp_path / "home/.derived/onnx").glob("tensorrt-*/*.engine"))
