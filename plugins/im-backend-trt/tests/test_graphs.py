from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from im_backend_trt.opening import open_session
from inference_models import InvalidParameterError
from inference_models.developer_tools import TRTCudaGraphCache, run_batched

VARIABLE = "ENABLE_AUTO_CUDA_GRAPHS_FOR_TRT_BACKEND"


def rows(count: int, start: float = 0) -> torch.Tensor:
    return torch.arange(count * 3, dtype=torch.float32).reshape(count, 3) + start


@pytest.fixture
def linear(write_engine: Callable[..., Path], networks) -> Path:
    return write_engine(networks.linear(), networks.profile(1, 4))


def test_a_run_is_recorded_once_and_then_repeated_on_other_data(linear: Path, device, networks) -> None:
    cache = TRTCudaGraphCache(2)
    session = open_session(linear, options={"cuda_graph_cache": cache})
    assert session.runtime["cuda_graphs"] == 2
    results = [session.run({"x": rows(2, start)})["y"] for start in (0, 5, 7)]
    assert device.recorded == 1
    assert cache.list_keys() == [(((2, 3),), ("torch.float32",), "cpu")]
    for start, y in zip((0, 5, 7), results, strict=True):
        np.testing.assert_allclose(y.numpy(), rows(2, start).numpy() @ networks.weights, rtol=1e-6)


def test_the_callers_tensors_may_change_afterwards(linear: Path, networks) -> None:
    session = open_session(linear, options={"cuda_graph_cache": TRTCudaGraphCache(1)})
    x = rows(2)
    first = session.run({"x": x})["y"]
    kept = first.clone()
    x.fill_(100)
    session.run({"x": rows(2, 50)})
    assert torch.equal(first, kept)


def test_each_shape_has_a_graph_and_the_oldest_is_dropped(linear: Path, device, fake, networks) -> None:
    cache = TRTCudaGraphCache(2)
    session = open_session(linear, options={"cuda_graph_cache": cache})
    for count in (1, 2, 3, 1):
        y = session.run({"x": rows(count)})["y"]
        np.testing.assert_allclose(y.numpy(), rows(count).numpy() @ networks.weights, rtol=1e-6)
    assert [key[0] for key in cache.list_keys()] == [((3, 3),), ((1, 3),)]
    assert device.recorded == 4, "the first one had to make room and was recorded again"
    assert len(run_batched(session, {"x": rows(10)})["y"]) == 10


def test_threads_share_a_graph_one_after_the_other(linear: Path, device, networks) -> None:
    session = open_session(linear, options={"cuda_graph_cache": TRTCudaGraphCache(4)})

    def run(number: int) -> None:
        for step in range(20):
            x = rows(1 + step % 3, number * 100 + step)
            np.testing.assert_allclose(
                session.run({"x": x})["y"].numpy(), x.numpy() @ networks.weights, rtol=1e-5, atol=1e-3
            )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))
    assert device.recorded == 3


class TestSwitches:
    def test_off_by_default(self, linear: Path, device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        open_session(linear).run({"x": rows(1)})
        assert device.recorded == 0

    def test_on_by_the_variable(self, linear: Path, device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "1")
        session = open_session(linear)
        session.run({"x": rows(1)})
        assert (device.recorded, session.runtime["cuda_graphs"]) == (1, 8)

    def test_switched_off_whatever_else_is_said(self, linear: Path, device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "1")
        options = {"cuda_graph_cache": TRTCudaGraphCache(1), "disable_cuda_graphs": True}
        session = open_session(linear, options=options)
        session.run({"x": rows(1)})
        assert (device.recorded, session.runtime["cuda_graphs"]) == (0, None)

    def test_two_models_do_not_share_a_cache(self, linear: Path) -> None:
        cache = TRTCudaGraphCache(1)
        first = open_session(linear, options={"cuda_graph_cache": cache})
        with pytest.raises(InvalidParameterError, match="a cache of its own"):
            open_session(linear, options={"cuda_graph_cache": cache})
        first.run({"x": rows(1)})
