"""I/O binding with torch tensors, on the CPU: the same calls as on a GPU, but for waiting on its stream."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from im_backend_onnx.session import open_session
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, run_batched

torch = pytest.importorskip("torch")

TORCH = {"onnx_array_kind": "torch"}


def noting(events: list[object], name: object, function):
    """Return `function`, which also writes `name` down; its arguments where `name` is None."""

    def call(*arguments, **keywords):
        events.append(arguments if name is None else name)
        return function(*arguments, **keywords)

    return call


value = helper.make_tensor_value_info


@pytest.fixture
def open_torch(write_package):
    """Return a function that opens a model as a session of torch tensors on the CPU."""
    return lambda model: open_session(write_package(model), device="cpu", options=TORCH)


def non_zero(networks, *, declared: object = "k"):
    """Return a network whose second output is as long as its values make it."""
    return networks.make(
        [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("NonZero", ["x"], ["z"])],
        [value("x", TensorProto.FLOAT, ["n", 3])],
        [value("y", TensorProto.FLOAT, ["n", 3]), value("z", TensorProto.INT64, [2, declared])],
    )


def test_it_is_a_session_that_says_what_it_is(open_torch, networks) -> None:
    session = open_torch(networks.linear())

    assert isinstance(session, Session)
    assert (session.array_kind, session.device) == ("torch", "cpu")
    assert session.runtime["arrays"] == "torch tensors on cpu, used in place"


@pytest.mark.parametrize("batch", [1, 5, 2])
def test_results_are_those_of_the_bare_session(open_torch, networks, write_package, batch: int) -> None:
    session = open_torch(networks.linear())
    bare = onnxruntime.InferenceSession(
        str(write_package(networks.linear()) / "weights.onnx"), providers=["CPUExecutionProvider"]
    )
    x = torch.randn(batch, 3)
    (expected,) = bare.run(None, {"x": x.numpy()})
    given = session.run({"x": x})

    assert list(given) == ["y"]
    np.testing.assert_array_equal(given["y"].numpy(), expected)


def test_inputs_are_read_and_outputs_written_in_place(open_torch, networks, monkeypatch) -> None:
    session = open_torch(networks.linear())
    x, bound = torch.randn(4, 3), []
    bind = onnxruntime.IOBinding.bind_input
    monkeypatch.setattr(onnxruntime.IOBinding, "bind_input", noting(bound, None, bind))
    monkeypatch.setattr(onnxruntime.IOBinding, "get_outputs", lambda self: pytest.fail("an output was copied"))
    session.run({"x": x})

    assert [one[1:] for one in bound] == [("x", "cpu", 0, np.float32, (4, 3), x.data_ptr())]


def test_outputs_of_unknown_size(open_torch, networks) -> None:
    session = open_torch(non_zero(networks))
    for x in (torch.tensor([[1.0, 0, 2], [0, 0, 3]]), torch.ones(1, 3), torch.zeros(2, 3)):
        given = session.run({"x": x})
        assert torch.equal(given["z"], x.nonzero().T)
        assert torch.equal(given["y"], x)


def test_results_outlive_the_session_and_belong_to_the_caller(open_torch, networks) -> None:
    session = open_torch(non_zero(networks))
    x = torch.tensor([[1.0, 0, 2]])
    first = session.run({"x": x})
    before = {name: tensor.clone() for name, tensor in first.items()}
    session.run({"x": x * 0})
    session.close()
    del session

    for name, tensor in first.items():
        assert torch.equal(tensor, before[name])
        tensor.add_(1)  # an ordinary tensor, which may be changed
    assert x.tolist() == [[1, 0, 2]]


def test_a_shape_that_is_declared_wrongly_costs_one_more_run_once(open_torch, networks, monkeypatch, capfd) -> None:
    session = open_torch(non_zero(networks, declared="n"))  # what an exporter that reuses names writes
    runs = []
    monkeypatch.setattr(session._exchange, "_run", noting(runs, None, session._exchange._run))
    x = torch.tensor([[1.0, 0, 2], [0, 0, 3]])
    for _ in range(3):
        assert session.run({"x": x})["z"].tolist() == x.nonzero().T.tolist()

    assert [len(shapes) for _, _, shapes in runs] == [2, 0, 0, 0]
    assert capfd.readouterr() == ("", "")


def test_one_name_for_two_sizes_says_nothing(open_torch, networks) -> None:
    model = networks.make(
        [helper.make_node("Concat", ["a", "b"], ["y"], axis=0)],
        [value("a", TensorProto.FLOAT, ["n"]), value("b", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
    )
    given = open_torch(model).run({"a": torch.ones(2), "b": torch.zeros(3)})

    assert given["y"].tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (TensorProto.FLOAT16, torch.float16),
        (TensorProto.BFLOAT16, torch.bfloat16),
        (TensorProto.DOUBLE, torch.float64),
        (TensorProto.INT32, torch.int32),
        (TensorProto.INT64, torch.int64),
        (TensorProto.UINT8, torch.uint8),
        (TensorProto.BOOL, torch.bool),
    ],
)
@pytest.mark.parametrize("size", ["n", "m"])  # known beforehand, and not
def test_element_types(open_torch, networks, element, dtype, size: str) -> None:
    model = networks.make(
        [helper.make_node("Identity", ["x"], ["y"])], [value("x", element, ["n"])], [value("y", element, [size])]
    )
    session = open_torch(model)
    x = torch.tensor([1, 0, 1]).to(dtype)
    given = session.run({"x": x})["y"]

    assert given.dtype == dtype
    assert torch.equal(given, x)
    with pytest.raises(ModelRuntimeError, match="another dtype"):
        session.run({"x": x.to(torch.complex64)})


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_empty_tensors(open_torch, networks, shape) -> None:
    given = open_torch(non_zero(networks)).run({"x": torch.zeros(shape)})

    assert given["y"].shape == shape
    assert given["z"].shape == (2, 0)
    assert given["z"].dtype == torch.int64


def test_single_values(open_torch, networks) -> None:
    model = networks.make(
        [helper.make_node("Neg", ["x"], ["y"])],
        [value("x", TensorProto.FLOAT, [])],
        [value("y", TensorProto.FLOAT, [])],
    )
    given = open_torch(model).run({"x": torch.tensor(2.0)})["y"]

    assert (given.shape, given.item()) == ((), -2.0)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.T.contiguous().T,
        lambda x: x.repeat_interleave(2, dim=0)[::2],
        lambda x: x.flip(0).flip(0),
        lambda x: torch.cat([x, x], dim=1)[:, :3],
        lambda x: x.requires_grad_(),
        torch.nn.Parameter,
    ],
)
def test_tensors_in_any_layout_give_the_same_result(open_torch, networks, arrange) -> None:
    session = open_torch(networks.linear())
    x = torch.randn(4, 3)
    given = session.run({"x": arrange(x.clone())})["y"]

    assert torch.equal(given, session.run({"x": x})["y"])
    assert not given.requires_grad


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({}, "input 'x' is missing"),
        ({"x": np.ones((1, 3), np.float32)}, "takes torch tensors, not numpy.ndarray"),
        ({"x": torch.ones(1, 3), "q": torch.ones(1)}, "inputs that the network does not have"),
        (
            {"x": torch.ones(1, 3, dtype=torch.float64)},
            r"another dtype; .*\.to\(torch.float32\).* Got: x float64 \(1, 3\)",
        ),
        ({"x": torch.ones(1, 3, device="meta")}, r"input 'x' is on meta; move it with \.to\('cpu'\)"),
        ({"x": torch.ones(1, 4)}, r"Expected: x float32 \(any, 3\). Got: x float32 \(1, 4\)"),
        ({"x": torch.ones(3)}, r"Got: x float32 \(3,\)"),
    ],
)
def test_wrong_inputs_are_told_beside_the_right_ones(open_torch, networks, feeds, told: str, capfd) -> None:
    session = open_torch(networks.linear())
    with pytest.raises(ModelRuntimeError, match=f"weights.onnx did not run on cpu: .*{told}"):
        session.run(feeds)

    assert session.run({"x": torch.ones(1, 3)})["y"].shape == (1, 4)
    assert capfd.readouterr() == ("", "")


def test_batches_are_split_and_padded_over_it(open_torch, networks) -> None:
    model = networks.linear()
    for info in (model.graph.input[0], model.graph.output[0]):
        info.type.tensor_type.shape.dim[0].ClearField("dim_param")
        info.type.tensor_type.shape.dim[0].dim_value = 4
    x = torch.randn(7, 3)
    given = run_batched(open_torch(model), {"x": x})["y"]

    assert torch.allclose(given, x @ torch.from_numpy(networks.weights) + torch.from_numpy(networks.bias), atol=1e-5)


def test_many_threads_get_their_own_results(open_torch, networks) -> None:
    session, wrong = open_torch(non_zero(networks)), []

    def work(number: int) -> None:
        x = torch.zeros(number % 3 + 1, 3)
        x[0, number % 3] = number + 1
        for _ in range(100):
            given = session.run({"x": x})
            if not (torch.equal(given["y"], x) and given["z"].tolist() == [[0], [number % 3]]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_after_closing_nothing_runs(open_torch, networks) -> None:
    session = open_torch(networks.linear())
    session.close()

    with pytest.raises(SessionClosedError):
        session.run({"x": torch.ones(1, 3)})
    assert session.array_kind == "torch"


def test_releases_without_dlpack_go_by_way_of_main_memory(open_torch, networks, monkeypatch) -> None:
    session = open_torch(non_zero(networks))
    real = onnxruntime.IOBinding.get_outputs

    def without_dlpack(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(shape=one.shape, numpy=one.numpy) for one in real(self)]

    monkeypatch.setattr(onnxruntime.IOBinding, "get_outputs", without_dlpack)
    assert session.run({"x": torch.tensor([[1.0, 0, 2]])})["z"].tolist() == [[0, 0], [0, 2]]


def test_torch_s_work_is_waited_for_before_the_run_and_before_memory_is_given_back(
    open_torch, networks, monkeypatch
) -> None:
    session, events = open_torch(non_zero(networks)), []
    exchange, runtime = session._exchange, onnxruntime.InferenceSession
    monkeypatch.setattr(exchange, "_wait_for_torch", noting(events, "wait", lambda: None))
    monkeypatch.setattr(exchange, "_to_tensor", noting(events, "copy", exchange._to_tensor))
    monkeypatch.setattr(torch, "empty", noting(events, "allocate", torch.empty))
    monkeypatch.setattr(runtime, "run_with_iobinding", noting(events, "run", runtime.run_with_iobinding))
    session.run({"x": torch.ones(1, 3)})

    assert events == ["allocate", "wait", "run", "copy", "wait"]


def test_on_a_gpu_it_waits_for_the_current_stream_of_that_gpu_only(open_torch, networks, monkeypatch) -> None:
    exchange, events = open_torch(networks.linear())._exchange, []
    stream = SimpleNamespace(synchronize=noting(events, "synchronize", lambda: None))
    cuda = SimpleNamespace(
        current_stream=noting(events, None, lambda device: stream),
        device=lambda device: ("guard", str(device)),
        mem_get_info=lambda device: (1 << 20, 8 << 30),
    )
    monkeypatch.setattr(exchange, "_torch", SimpleNamespace(cuda=cuda))
    assert exchange.free_memory() is None
    monkeypatch.setattr(exchange, "_device", torch.device("cuda:1"))
    exchange._wait_for_torch()

    assert events == [(torch.device("cuda:1"),), "synchronize"]
    assert exchange._on_device() == ("guard", "cuda:1")
    assert exchange.free_memory() == 1 << 20


def test_the_families_preprocessed_arrays_reach_it(package: Path) -> None:
    from inference_models.developer_tools import as_kind

    session = open_session(package, device="cpu", options=TORCH)
    x = as_kind(np.ones((2, 3), np.float32), session.array_kind, session.device)

    assert session.run({"x": x})["y"].shape == (2, 4)
