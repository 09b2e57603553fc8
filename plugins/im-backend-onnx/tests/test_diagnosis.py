from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from im_backend_onnx.diagnosis import explain_out_of_memory
from im_backend_onnx.session import open_session
from inference_models import ModelRuntimeError

BUFFER = "Failed to allocate memory for requested buffer of size 2147483648"


@pytest.mark.parametrize(
    ("error", "free", "told"),
    [
        (RuntimeError(BUFFER), 3 << 20, "memory ran out: 2048.0 MiB more were needed and 3.0 MiB are free. Give fewer"),
        (RuntimeError(BUFFER), None, "memory ran out: 2048.0 MiB more were needed. Give fewer"),
        (
            RuntimeError("CUDA failure 2: out of memory ; GPU=0"),
            3 << 20,
            "more was needed than is free (3.0 MiB free).",
        ),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), None, "memory ran out: more was needed than is free."),
        (MemoryError("std::bad_alloc"), None, "memory ran out"),
    ],
)
def test_memory_that_ran_out(error: Exception, free: int | None, told: str) -> None:
    text = explain_out_of_memory(error, lambda: free)

    assert told in text
    assert str(error) in text


def test_other_errors_are_not_about_memory() -> None:
    assert explain_out_of_memory(RuntimeError("Got invalid dimensions for input: x"), lambda: 1) is None


def test_a_device_that_does_not_answer_any_more() -> None:
    def fail() -> int:
        raise RuntimeError("CUDA error: unspecified launch failure")

    assert "2048.0 MiB more were needed." in explain_out_of_memory(RuntimeError(BUFFER), fail)


def test_a_network_that_needs_more_than_there_is_says_how_much(write_package, networks) -> None:
    model = networks.make(
        [helper.make_node("ConstantOfShape", ["shape"], ["y"])],
        [helper.make_tensor_value_info("shape", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    session = open_session(write_package(model))

    with pytest.raises(ModelRuntimeError, match=r"memory ran out: 16777216\.0 MiB more were needed"):
        session.run({"shape": np.array([1 << 42])})
    assert session.run({"shape": np.array([2])})["y"].tolist() == [0, 0]
