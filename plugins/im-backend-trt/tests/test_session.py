from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from im_backend_trt.opening import open_session
from inference_models import ModelLoadingError, ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, batch_limits, run_batched


def rows(count: int) -> torch.Tensor:
    return torch.arange(count * 3, dtype=torch.float32).reshape(count, 3)


@pytest.fixture
def dynamic(write_engine: Callable[..., Path], networks) -> Path:
    """The linear network for batches of 2 to 4."""
    return write_engine(networks.linear(), networks.profile(2, 4))


def test_what_it_is(dynamic: Path, fake) -> None:
    session = open_session(dynamic)
    assert isinstance(session, Session)
    assert (session.array_kind, session.device) == ("torch", "cpu")
    [taken], [given] = session.inputs, session.outputs
    assert (taken.name, taken.shape, taken.dtype) == ("x", (None, 3), "float32")
    assert (given.name, given.shape, given.dtype) == ("y", (None, 4), "float32")
    assert batch_limits(session) == session.batch_range == (2, 4)
    assert session.runtime == {
        "backend": "trt",
        "version": fake.__version__,
        "runtime": "full",
        "batch_range": (2, 4),
        "profiles": 1,
        "cuda_graphs": None,
        "working_memory_bytes": 1 << 20,
    }
    assert fake.state.plugins_registered == 1
    assert fake.state.host_code == [False]


def test_the_network_computes_on_the_addresses_that_it_is_given(dynamic: Path, networks) -> None:
    session = open_session(dynamic)
    x = rows(3)
    outputs = session.run({"x": x})
    np.testing.assert_allclose(outputs["y"].numpy(), x.numpy() @ networks.weights, rtol=1e-6)
    again = session.run({"x": x + 1})
    assert again["y"].data_ptr() != outputs["y"].data_ptr(), "outputs belong to the caller"
    np.testing.assert_allclose(outputs["y"].numpy(), x.numpy() @ networks.weights, rtol=1e-6)


@pytest.mark.parametrize(("count", "runs"), [(1, 1), (2, 1), (4, 1), (5, 2), (11, 3)])
def test_batches_are_split_and_padded_to_the_range(dynamic: Path, networks, fake, count: int, runs: int) -> None:
    session = open_session(dynamic)
    fake.state.executed = 0
    y = run_batched(session, {"x": rows(count)})["y"]
    np.testing.assert_allclose(y.numpy(), rows(count).numpy() @ networks.weights, rtol=1e-6)
    assert fake.state.executed == runs


@pytest.mark.parametrize("fixed_by", ["network", "profile"])
def test_a_fixed_batch_is_padded(write_engine, networks, fake, fixed_by: str) -> None:
    if fixed_by == "network":
        session = open_session(write_engine(networks.linear(batch=4)))
    else:
        session = open_session(write_engine(networks.linear(), networks.profile(4, 4)))
    assert session.inputs[0].shape == (4, 3)
    assert batch_limits(session) == (4, 4)
    fake.state.executed = 0
    y = run_batched(session, {"x": rows(6)})["y"]
    np.testing.assert_allclose(y.numpy(), rows(6).numpy() @ networks.weights, rtol=1e-6)
    assert fake.state.executed == 2


def test_several_profiles_make_one_range(write_engine, networks) -> None:
    profiles = [*networks.profile(1, 2), *networks.profile(4, 8)]
    session = open_session(write_engine(networks.linear(), profiles))
    assert session.batch_range == (1, 8)
    for count in (1, 8, 2, 5):
        y = session.run({"x": rows(count)})["y"]
        np.testing.assert_allclose(y.numpy(), rows(count).numpy() @ networks.weights, rtol=1e-6)
    with pytest.raises(ModelRuntimeError, match=r"\(1, 3\) to \(2, 3\) or x \(4, 3\) to \(8, 3\)"):
        session.run({"x": rows(3)})


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (TensorProto.FLOAT16, torch.float16),
        (TensorProto.INT8, torch.int8),
        (TensorProto.UINT8, torch.uint8),
        (TensorProto.INT32, torch.int32),
        (TensorProto.INT64, torch.int64),
        (TensorProto.BOOL, torch.bool),
    ],
)
def test_outputs_of_every_type(write_engine, networks, kind: int, dtype: torch.dtype) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=kind)
    model = networks.make([node], {"x": ["batch", 3]}, {"y": ["batch", 3]}, types={"y": kind})
    session = open_session(write_engine(model, networks.profile(1, 4)))
    y = session.run({"x": rows(2)})["y"]
    assert session.outputs[0].dtype == str(dtype).removeprefix("torch.")
    assert torch.equal(y, rows(2).to(dtype))


def test_bfloat16_which_numpy_lacks(write_engine, networks) -> None:
    session = open_session(write_engine(networks.linear(), networks.profile(1, 4), {"y": "BF16"}))
    y = session.run({"x": rows(2)})["y"]
    assert (session.outputs[0].dtype, y.dtype) == ("bfloat16", torch.bfloat16)
    expected = torch.from_numpy(rows(2).numpy() @ networks.weights)
    assert torch.equal(y, expected.to(torch.bfloat16))


def test_several_inputs_and_outputs_are_told_apart(write_engine, networks) -> None:
    nodes = [
        helper.make_node("Sub", ["a", "b"], ["difference"]),
        helper.make_node("ReduceSum", ["a"], ["total"], keepdims=1),
    ]
    model = networks.make(nodes, {"a": ["n", 2], "b": ["n", 2]}, {"difference": ["n", 2], "total": [1, 1]}, types={})
    shapes = [(1, 2), (1, 2), (3, 2)]
    session = open_session(write_engine(model, [{"a": shapes, "b": shapes}]))
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, 20.0]])
    outputs = session.run({"b": b, "a": a})
    assert outputs["difference"].tolist() == [[-9.0, -18.0]]
    assert outputs["total"].tolist() == [[3.0]]


class TestRefusals:
    @pytest.mark.parametrize(
        ("feeds", "said"),
        [
            ({}, "input 'x' is missing"),
            ({"x": rows(2), "z": rows(2)}, "there are inputs that the network does not have"),
            ({"x": rows(2).numpy()}, "takes torch tensors, not numpy.ndarray"),
            ({"x": rows(2).half()}, r"another dtype .*Expected: x float32 \(any, 3\). Got: x float16 \(2, 3\)"),
            ({"x": rows(2)[:, :2]}, r"outside of what the engine was built for: x \(2, 3\) to \(4, 3\)"),
            ({"x": rows(5)}, "outside of what the engine was built for"),
            ({"x": torch.zeros(2, 3, 1)}, "outside of what the engine was built for"),
            ({"x": rows(2).to("meta")}, r"a tensor is on meta; move it with to\('cpu'\)"),
        ],
    )
    def test_feeds_that_are_not_the_networks(self, dynamic: Path, feeds, said: str) -> None:
        with pytest.raises(ModelRuntimeError, match=said):
            open_session(dynamic).run(feeds)

    def test_a_run_that_fails_has_the_words_of_tensorrt(self, dynamic: Path, fake) -> None:
        session = open_session(dynamic)
        fake.state.say = [("WARNING", "something odd"), ("ERROR", "an illegal memory access was encountered")]
        with pytest.raises(ModelRuntimeError, match=r"says: an illegal memory access was encountered \| something odd"):
            session.run({"x": rows(2)})
        assert session.run({"x": rows(2)})["y"].shape == (2, 4), "one failure does not spoil the next run"

    def test_sizes_that_depend_on_the_data(self, write_engine, networks) -> None:
        node = helper.make_node("MatMul", ["x", "w"], ["unknown_size"])
        constants = {"w": networks.weights}
        model = networks.make([node], {"x": ["n", 3]}, {"unknown_size": ["n", 4]}, constants)
        session = open_session(write_engine(model, networks.profile(1, 4)))
        with pytest.raises(ModelRuntimeError, match="depends on the data"):
            session.run({"x": rows(2)})

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("shape_of_x", "holds a size"),
            ("on_host", "holds a size"),
            ("vectorised", "a layout of its own .Channel major"),
        ],
    )
    def test_inputs_that_torch_cannot_fill(self, write_engine, networks, name: str, said: str) -> None:
        model = networks.make([helper.make_node("Identity", [name], ["y"])], {name: [1, 3]}, {"y": [1, 3]})
        with pytest.raises(ModelLoadingError, match=said):
            open_session(write_engine(model))

    def test_types_that_torch_lacks(self, write_engine, networks) -> None:
        with pytest.raises(ModelLoadingError, match="'y' is of type INT4, for which torch has no tensors"):
            open_session(write_engine(networks.linear(), networks.profile(1, 4), {"y": "INT4"}))


def test_what_is_not_contiguous_or_not_aligned_is_copied(dynamic: Path, device, networks) -> None:
    session = open_session(dynamic)
    turned = rows(4)[:3].t().contiguous().t()
    assert not turned.is_contiguous()
    np.testing.assert_allclose(session.run({"x": turned})["y"].numpy(), rows(3).numpy() @ networks.weights, rtol=1e-6)
    odd = torch.zeros(10)[1:].reshape(3, 3)
    device.held.clear()
    session.run({"x": odd})
    assert device.held[0] % device.alignment == 0
    device.held.clear()
    even = rows(3)
    session.run({"x": even})
    assert device.held[0] == even.data_ptr(), "nothing is copied that need not be"


class TestThreads:
    def test_each_run_has_a_context_to_itself_and_contexts_are_used_again(self, dynamic: Path, fake, networks) -> None:
        session = open_session(dynamic)
        fake.state.run_seconds = 0.02
        start = threading.Barrier(4)

        def run(number: int) -> None:
            start.wait(10)
            for step in range(5):
                x = rows(2) + 10 * number + step
                y = session.run({"x": x})["y"]
                np.testing.assert_allclose(y.numpy(), x.numpy() @ networks.weights, rtol=1e-5)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(run, range(4)))
        assert fake.state.most_running > 1, "runs overlap"
        assert fake.state.contexts == 4
        session.run({"x": rows(2)})
        assert fake.state.contexts == 4

    def test_closing_lets_runs_in_progress_finish(self, dynamic: Path, fake, wait_until) -> None:
        session = open_session(dynamic)
        fake.state.run_seconds = 0.2
        with ThreadPoolExecutor(1) as threads:
            run = threads.submit(session.run, {"x": rows(2)})
            wait_until(lambda: fake.state.running == 1)
            session.close()
            assert run.result(10)["y"].shape == (2, 4)
        with pytest.raises(SessionClosedError, match=r"engine\.plan is closed"):
            session.run({"x": rows(2)})
        session.close()

    def test_closing_releases_the_engine(self, dynamic: Path, fake) -> None:
        session = open_session(dynamic)
        gc.collect()
        assert [one for one in gc.get_objects() if type(one).__name__ == "IExecutionContext"]
        session.close()
        gc.collect()
        assert not [one for one in gc.get_objects() if type(one).__name__ == "IExecutionContext"]

    def test_a_thread_for_which_there_is_no_memory(self, dynamic: Path, fake, wait_until) -> None:
        session = open_session(dynamic)
        fake.state.context_memory_left = 0
        fake.state.run_seconds = 0.3
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(session.run, {"x": rows(2)})
            wait_until(lambda: fake.state.running == 1)
            with pytest.raises(ModelRuntimeError, match=r"needs 1\.0 MB to work in, and 3\.0 MB of 8\.0 MB are free"):
                session.run({"x": rows(2)})
            assert first.result(10)["y"].shape == (2, 4)
