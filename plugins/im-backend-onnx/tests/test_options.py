"""What is given for this backend is checked at once, and execution providers ask for ONNX Runtime."""

from __future__ import annotations

import pytest

from im_backend_onnx.options import check_options
from inference_models import AutoModel, InvalidEnvVariable, InvalidParameterError, NoModelPackagesAvailableError
from inference_models.developer_tools import Environment
from inference_models.environment import BackendStatus

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
HERE = Environment.from_facts(backends=[BackendStatus(name="onnx", facts={"execution_providers": [CPU]})])


@pytest.fixture(autouse=True)
def _default_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONNXRUNTIME_EXECUTION_PROVIDERS", raising=False)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"onnx_execution_providers": [CUDA, CPU], "onnx_threads": 2, "onnx_array_kind": "numpy"},
        {"onnx_execution_providers": [CUDA]},
        {"onnx_execution_providers": [(CPU, {"arena_extend_strategy": "kSameAsRequested"})]},
    ],
)
def test_what_makes_sense(options) -> None:
    check_options(options, HERE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"onnx_threads": "2"}, "onnx_threads= takes a whole number of at least 1, not '2'"),
        ({"onnx_threads": 0}, "onnx_threads="),
        ({"onnx_array_kind": "jax"}, "onnx_array_kind= takes 'torch' or 'numpy', not 'jax'"),
        ({"onnx_execution_providers": CPU}, "takes a list of names"),
        ({"onnx_execution_providers": ["CPUExecutionProvidr"]}, f"Did you mean '{CPU}'"),
    ],
)
def test_what_makes_none(options, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        check_options(options, HERE)


@pytest.mark.parametrize("backend", [None, "onnx", "torch-script"])
@pytest.mark.parametrize("value", [[1], 5, [], CPU, [(CPU,)], {CPU: {}}, ["Foo"], ["Foo", CPU]])
def test_no_package_of_another_backend_is_loaded_in_its_place(value: object, backend: str | None) -> None:
    pytest.importorskip("im_demo")
    with pytest.raises(InvalidParameterError, match="onnx_execution_providers="):
        AutoModel.from_pretrained("demo://shapes", onnx_execution_providers=value, backend=backend)


def test_execution_providers_that_this_build_lacks_are_an_error_that_says_so() -> None:
    pytest.importorskip("im_demo")
    rocm = ["ROCMExecutionProvider"]
    with pytest.raises(NoModelPackagesAvailableError, match="ROCMExecutionProvider is not in the installed build"):
        AutoModel.from_pretrained("demo://shapes", onnx_execution_providers=rocm)
    assert AutoModel.explain("demo://shapes", onnx_execution_providers=[*rocm, CPU]).candidates[0].package.backend == (
        "onnx"
    )


def test_a_wrong_setting_is_not_passed_over_either(monkeypatch) -> None:
    pytest.importorskip("im_demo")
    monkeypatch.setenv("ONNXRUNTIME_EXECUTION_PROVIDERS", "Foo")
    with pytest.raises(InvalidEnvVariable, match="ONNXRUNTIME_EXECUTION_PROVIDERS"):
        AutoModel.from_pretrained("demo://shapes")
