"""What a session takes, gives, refuses, and does when it is closed or shared."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from custom_backend.opening import open_session
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, TensorInfo, batch_limits, run_batched


@pytest.fixture
def session(linear):
    session = open_session(linear)
    yield session
    session.close()


def numbers(batch: int, seed: int = 0):
    return np.random.default_rng(seed).standard_normal((batch, 3), np.float32)


def test_it_says_what_the_network_takes_and_gives(session) -> None:
    assert isinstance(session, Session)
    assert session.inputs == (TensorInfo("x", (None, 3), "float32"),)
    assert session.outputs == (TensorInfo("y", (None, 4), "float32"), TensorInfo("doubled", (None, 3), "float32"))
    assert (session.device, session.array_kind, batch_limits(session)) == ("cpu", "numpy", (1, None))
    assert session.runtime["backend"] == "openvino"
    assert session.runtime["precision"] == "f32"


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_any_number_of_items(session, networks, batch: int) -> None:
    x = numbers(batch)
    outputs = session.run({"x": x})
    assert list(outputs) == ["y", "doubled"]
    np.testing.assert_allclose(outputs["y"], x @ networks.WEIGHTS + networks.BIAS, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(outputs["doubled"], x + x)


def test_outputs_belong_to_the_caller(session) -> None:
    first = session.run({"x": numbers(2)})
    kept = {name: output.copy() for name, output in first.items()}
    session.run({"x": numbers(2, seed=1)})
    for name, output in first.items():
        np.testing.assert_array_equal(output, kept[name])
        output[:] = 0  # not shared with anything either


def test_arrays_in_any_layout_that_may_be_read_only(session) -> None:
    x = numbers(4)
    expected = session.run({"x": x})["y"]
    turned = np.asfortranarray(x)
    turned.flags.writeable = False
    np.testing.assert_array_equal(session.run({"x": turned})["y"], expected)


@pytest.mark.parametrize(
    ("feeds", "reason"),
    [
        ({}, "the names are not those of its inputs.*Got: nothing"),
        ({"x": numbers(1), "z": numbers(1)}, "the names are not"),
        ({"x": numbers(1).astype(np.float64)}, r"another dtype.*Got: x float64 \(1, 3\)"),
        ({"x": numbers(1).astype(">f4")}, "another dtype"),
        ({"x": [[1.0, 2.0, 3.0]]}, "no numpy array.*Got: x list"),
        ({"x": np.zeros((2, 5), np.float32)}, r"incompatible.*Expected: x float32 \(any, 3\). Got: x float32 \(2, 5\)"),
        ({"x": np.zeros(3, np.float32)}, "incompatible"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_session_goes_on(session, feeds, reason) -> None:
    session.run({"x": numbers(1)})
    with pytest.raises(ModelRuntimeError, match=f"(?s){reason}"):
        session.run(feeds)
    assert session.run({"x": numbers(1)})["y"].shape == (1, 4)


def test_an_input_of_the_last_run_is_not_used_again(networks, compiled, tmp_path) -> None:
    directory, _ = compiled(networks.write_onnx_package(tmp_path / "onnx", networks.difference()), tmp_path / "ir")
    session = open_session(directory)
    both = {"minuend": np.full((1, 2), 5, np.float32), "subtrahend": np.full((1, 2), 3, np.float32)}
    np.testing.assert_array_equal(session.run(both)["least"], [[2, 2]])
    with pytest.raises(ModelRuntimeError, match="the names are not"):
        session.run({"minuend": both["minuend"]})


def test_closing_twice_and_running_afterwards(linear) -> None:
    session = open_session(linear)
    session.close()
    session.close()
    with pytest.raises(SessionClosedError, match="Load the model again"):
        session.run({"x": numbers(1)})


def test_threads_share_a_session(session, networks) -> None:
    wrong: list[int] = []
    barrier = threading.Barrier(6)

    def work(seed: int) -> None:
        barrier.wait()
        for turn in range(40):
            x = numbers(1 + (seed + turn) % 5, seed * 100 + turn)
            y = session.run({"x": x})["y"]
            if not np.allclose(y, x @ networks.WEIGHTS + networks.BIAS, rtol=1e-4, atol=1e-5):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_closing_while_others_run_leaves_them_their_network(linear, networks) -> None:
    session, started, seen = open_session(linear), threading.Event(), []

    def work() -> None:
        x = numbers(3)
        try:
            while True:
                np.testing.assert_allclose(session.run({"x": x})["doubled"], x + x)
                started.set()
        except SessionClosedError as error:
            seen.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait(60)
    session.close()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 3


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8"])
def test_other_dtypes(networks, compiled, tmp_path, dtype: str) -> None:
    from onnx import helper

    network = networks.linear(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), np.dtype(dtype))
    session = open_session(compiled(networks.write_onnx_package(tmp_path / "onnx", network), tmp_path / "ir")[0])
    assert {info.dtype for info in (*session.inputs, *session.outputs)} == {dtype}
    outputs = session.run({"x": np.array([[1, 2, 3]], dtype)})
    assert outputs["doubled"].dtype == dtype
    assert outputs["doubled"].tolist() == [[2, 4, 6]]


def test_a_batch_within_limits_is_kept_to_by_the_core(networks, compiled, tmp_path) -> None:
    package = networks.write_onnx_package(tmp_path / "onnx", networks.linear())
    session = open_session(compiled(package, tmp_path / "ir", batch_size=(2, 3, 4))[0])
    assert batch_limits(session) == session.batch_range == (2, 4)
    assert session.inputs[0].shape == (None, 3)
    for count in (1, 4, 9):
        x = numbers(count)
        np.testing.assert_allclose(run_batched(session, {"x": x})["doubled"], x + x)
    with pytest.raises(ModelRuntimeError, match="incompatible"):
        session.run({"x": numbers(9)})


def test_a_fixed_batch(networks, compiled, tmp_path) -> None:
    package = networks.write_onnx_package(tmp_path / "onnx", networks.linear())
    session = open_session(compiled(package, tmp_path / "ir", batch_size=(2, 2, 2))[0])
    assert session.inputs[0].shape == (2, 3)
    assert batch_limits(session) == (2, 2)
