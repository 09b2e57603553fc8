from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from im_backend_onnx.network import ONNXSession
from im_backend_onnx.session import open_session
from inference_models import ModelRuntimeError, SessionClosedError
from inference_models.developer_tools import Session, TensorInfo, run_batched


@pytest.fixture
def session(package: Path) -> ONNXSession:
    return open_session(package)


def test_it_is_a_session_that_says_what_it_is(session: ONNXSession) -> None:
    assert isinstance(session, Session)
    assert session.inputs == (TensorInfo("x", (None, 3), "float32"),)
    assert session.outputs == (TensorInfo("y", (None, 4), "float32"),)
    assert session.array_kind == "numpy"


def test_it_reports_what_it_really_got(session: ONNXSession) -> None:
    assert session.device == "cpu"
    assert session.runtime["execution_providers"] == ("CPUExecutionProvider",)
    assert session.runtime["provider_options"] == {"CPUExecutionProvider": {}}
    assert session.runtime["version"] == onnxruntime.__version__
    assert session.runtime["opset"] == 17
    assert isinstance(session.runtime["threads"], int)


@pytest.mark.parametrize("name", ["weights.onnx", "model.onnx"])
def test_the_file_has_one_of_two_names(write_package, networks, name: str) -> None:
    session = open_session(write_package(networks.linear(), name))

    assert session.run({"x": np.zeros((1, 3), np.float32)})["y"].shape == (1, 4)


def test_results_are_those_of_the_bare_session_and_of_numpy(session: ONNXSession, package: Path, networks) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    bare = onnxruntime.InferenceSession(str(package / "weights.onnx"), providers=["CPUExecutionProvider"])

    (expected,) = bare.run(None, {"x": x})
    given = session.run({"x": x})

    assert list(given) == ["y"]
    np.testing.assert_array_equal(given["y"], expected)
    np.testing.assert_allclose(given["y"], x.astype(np.float64) @ networks.weights + networks.bias, rtol=1e-5)


def test_each_result_belongs_to_the_caller(session: ONNXSession) -> None:
    x = np.ones((1, 3), np.float32)
    first = session.run({"x": x})["y"]
    before = first.copy()
    session.run({"x": x * 5})
    np.testing.assert_array_equal(first, before)

    first[:] = 0
    np.testing.assert_array_equal(session.run({"x": x})["y"], before)


@pytest.mark.parametrize(
    "arrange",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[::-1][::-1],
        lambda x: np.flip(np.flip(x, 1).copy(), 1),
    ],
)
def test_arrays_in_any_layout_give_the_same_result(session: ONNXSession, arrange) -> None:
    x = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)

    np.testing.assert_array_equal(session.run({"x": arrange(x)})["y"], session.run({"x": x})["y"])


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (TensorProto.FLOAT16, "float16"),
        (TensorProto.DOUBLE, "float64"),
        (TensorProto.INT32, "int32"),
        (TensorProto.INT64, "int64"),
        (TensorProto.UINT8, "uint8"),
        (TensorProto.BOOL, "bool"),
    ],
)
def test_element_types_have_numpy_s_names_and_are_insisted_on(write_package, networks, element, dtype: str) -> None:
    model = networks.make(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", element, [2])],
        [helper.make_tensor_value_info("y", element, [2])],
    )
    session = open_session(write_package(model))
    x = np.array([1, 0]).astype(dtype)

    assert session.inputs == (TensorInfo("x", (2,), dtype),)
    given = session.run({"x": x})["y"]
    assert given.dtype == dtype
    np.testing.assert_array_equal(given, x)
    with pytest.raises(ModelRuntimeError, match=f"Expected: x {dtype} .*Got: x complex64"):
        session.run({"x": x.astype(np.complex64)})


def test_text_goes_through(write_package, networks) -> None:
    model = networks.make(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["n"])],
    )
    session = open_session(write_package(model))

    assert session.inputs[0].dtype == "str"
    assert session.run({"x": np.array(["a", "b"])})["y"].tolist() == ["a", "b"]


def test_a_network_without_inputs(write_package, networks) -> None:
    constant = helper.make_node("Constant", [], ["y"], value_float=2.5)
    model = networks.make([constant], [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])])

    assert open_session(write_package(model)).run({})["y"] == np.float32(2.5)


def test_weights_in_a_file_of_their_own(write_package, networks) -> None:
    (write_package(b"").joinpath("w.bin")).write_bytes(networks.weights.tobytes())
    session = open_session(write_package(networks.move_weights_to(networks.linear(), "w.bin")))
    x = np.eye(3, dtype=np.float32)

    np.testing.assert_allclose(session.run({"x": x})["y"], networks.weights + networks.bias, rtol=1e-6)


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({}, "input 'x' is missing"),
        ({"z": np.ones((1, 3), np.float32)}, "input 'x' is missing. Expected: x float32 \\(any, 3\\). Got: z float32"),
        ({"x": np.ones((1, 3), np.float32), "q": 1}, "inputs that the network does not have"),
        ({"x": np.ones((1, 3))}, "another dtype .* Got: x float64 \\(1, 3\\)"),
        ({"x": np.ones((1, 3), ">f4")}, "another dtype"),
        ({"x": np.ones((1, 4), np.float32)}, "Expected: x float32 \\(any, 3\\). Got: x float32 \\(1, 4\\)"),
        ({"x": np.ones(3, np.float32)}, "Got: x float32 \\(3,\\)"),
        ({"x": [[1.0, 2.0, 3.0]]}, "takes numpy arrays, not builtins.list"),
        ({"x": None}, "takes numpy arrays, not builtins.NoneType"),
    ],
)
def test_wrong_inputs_are_told_beside_the_right_ones(session: ONNXSession, feeds, told: str) -> None:
    with pytest.raises(ModelRuntimeError, match=f"weights.onnx did not run on cpu: .*{told}"):
        session.run(feeds)


def test_a_step_that_fails_says_why_and_the_session_lives_on(write_package, networks) -> None:
    model = networks.make(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b"])],
    )
    session = open_session(write_package(model))
    x = np.ones(6, np.float32)

    with pytest.raises(ModelRuntimeError, match=r"(?i)reshape.*Got: x float32 \(6,\), shape int64 \(2,\)"):
        session.run({"x": x, "shape": np.array([4, 4])})
    assert session.run({"x": x, "shape": np.array([2, 3])})["y"].shape == (2, 3)


def test_batches_are_split_and_padded_over_it(write_package, networks) -> None:
    model = networks.linear()
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].ClearField("dim_param")
        value.type.tensor_type.shape.dim[0].dim_value = 4
    session = open_session(write_package(model))
    x = np.random.default_rng(2).normal(size=(7, 3)).astype(np.float32)

    np.testing.assert_allclose(run_batched(session, {"x": x})["y"], x @ networks.weights + networks.bias, rtol=1e-5)


def test_after_closing_nothing_runs_and_closing_again_does_nothing(session: ONNXSession) -> None:
    session.close()
    session.close()

    with pytest.raises(SessionClosedError, match=r"weights\.onnx is closed"):
        session.run({"x": np.ones((1, 3), np.float32)})
    assert session.device == "cpu"
    assert session.inputs


def test_many_threads_get_their_own_results(session: ONNXSession, networks) -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        x = np.full((number % 3 + 1, 3), number, np.float32)
        expected = x @ networks.weights + networks.bias
        for _ in range(200):
            if not np.allclose(session.run({"x": x})["y"], expected):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_closing_while_others_run_lets_them_finish_and_stops_the_rest(session: ONNXSession) -> None:
    outcomes: list[str] = []
    x = np.ones((64, 3), np.float32)

    def work() -> None:
        while True:
            try:
                assert session.run({"x": x})["y"].shape == (64, 4)
            except SessionClosedError:
                outcomes.append("closed")
                return
            except Exception as error:
                outcomes.append(repr(error))
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    session.close()
    for thread in threads:
        thread.join(timeout=20)

    assert outcomes == ["closed"] * 4


def test_running_through_it_costs_next_to_nothing(session: ONNXSession, package: Path) -> None:
    bare = onnxruntime.InferenceSession(str(package / "weights.onnx"), providers=["CPUExecutionProvider"])
    feeds = {"x": np.ones((1, 3), np.float32)}

    def best_of(run, repeats: int = 15, runs: int = 200) -> float:
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(runs):
                run()
            times.append((time.perf_counter() - start) / runs)
        return min(times)

    overhead = best_of(lambda: session.run(feeds)) - best_of(lambda: bare.run(None, feeds))

    assert overhead < 10e-6


@pytest.mark.skipif(
    [int(number) for number in onnxruntime.__version__.split(".")[:2]] < [1, 26], reason="it does not know the setting"
)
def test_threads_leave_the_cpus_alone_soon_after_a_run(write_package, networks) -> None:
    product = networks.make(
        [helper.make_node("MatMul", ["x", "x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [512, 512])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [512, 512])],
    )
    session = open_session(write_package(product), options={"onnx_threads": 2})
    burnt = []
    for _ in range(5):
        session.run({"x": np.ones((512, 512), np.float32)})
        before = time.process_time()
        time.sleep(0.05)
        burnt.append(time.process_time() - before)

    assert min(burnt) < 0.01  # seconds; ONNX Runtime's own setting: some forty milliseconds
