"""Which kind of arrays a session takes, and why."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from im_backend_onnx.exchange import choose_exchange
from im_backend_onnx.session import open_session
from inference_models import DeviceUnavailableError, InvalidParameterError, MissingDependencyError
from inference_models.developer_tools import TensorInfo

X, Y = TensorInfo("x", (None, 3), "float32"), TensorInfo("y", (None, 4), "float32")
TEXT = TensorInfo("text", (None,), "str")
MAPS = TensorInfo("maps", (), "seq(map(int64,tensor(float)))")


class Dtype:
    pass


def make_torch(cuda: str | None = "12.8", gpus: int = 1) -> SimpleNamespace:
    """Return a torch with some dtypes that says what the test wants about CUDA."""
    return SimpleNamespace(
        __version__="2.13.0",
        dtype=Dtype,
        float32=Dtype(),
        str=str,  # no dtype
        version=SimpleNamespace(cuda=cuda),
        cuda=SimpleNamespace(device_count=lambda: gpus),
        device=lambda name: SimpleNamespace(type=name.partition(":")[0], index=int(name.partition(":")[2] or 0)),
    )


SESSION = SimpleNamespace(
    get_inputs=lambda: [SimpleNamespace(shape=["n", 3])], get_outputs=lambda: [SimpleNamespace(shape=["n", 4])]
)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """Return a function that puts a torch in place; None: it is not installed."""
    return lambda module: monkeypatch.setitem(sys.modules, "torch", module)


def choose(device: str, wanted: str | None = None, inputs=(X,), outputs=(Y,)):
    return choose_exchange(SESSION, inputs, outputs, device, wanted)


@pytest.mark.parametrize("device", ["cpu", "mps", "gpu", "dml"])
def test_where_no_gpu_of_nvidia_works_arrays_are_numpy_s_and_torch_is_not_imported(use, device: str) -> None:
    use(None)

    assert (choose(device).kind, choose(device).note) == ("numpy", "numpy arrays")


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
def test_on_a_gpu_they_are_torch_s(use, device: str) -> None:
    use(make_torch(gpus=2))

    assert (choose(device).kind, choose(device).note) == ("torch", f"torch tensors on {device}, used in place")
    assert choose(device, "torch").kind == "torch"


@pytest.mark.parametrize(
    ("module", "outputs", "reason", "error"),
    [
        (None, (Y,), "torch cannot be imported", MissingDependencyError),
        (make_torch(cuda=None), (Y,), "torch 2.13.0 cannot use cuda:0", DeviceUnavailableError),
        (make_torch(gpus=0), (Y,), "torch 2.13.0 cannot use cuda:0", DeviceUnavailableError),
        (make_torch(), (Y, TEXT), "'text' is of type str, which no torch tensor holds", InvalidParameterError),
        (make_torch(), (Y, MAPS), "'maps' is of type seq", InvalidParameterError),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_a_reason_for_numpy_and_an_error_for_who_wants_torch(
    use, module, outputs, reason: str, error: type[Exception]
) -> None:
    use(module)
    exchange = choose("cuda:0", outputs=outputs)

    assert exchange.kind == "numpy"
    assert reason in exchange.note
    with pytest.raises(error, match=reason):
        choose("cuda:0", "torch", outputs=outputs)


def test_numpy_that_is_wanted_is_had_without_torch(use) -> None:
    use(None)

    assert choose("cuda:0", "numpy").note == "numpy arrays"


def test_tensors_on_other_devices_are_refused(use) -> None:
    use(make_torch())

    with pytest.raises(DeviceUnavailableError, match="'mps', only with cpu and cuda"):
        choose("mps", "torch")


def test_the_option_reaches_the_session(package, use) -> None:
    assert open_session(package, options={"onnx_array_kind": "numpy"}).array_kind == "numpy"
    use(None)
    with pytest.raises(MissingDependencyError, match="im-backend-torch"):
        open_session(package, device="cpu", options={"onnx_array_kind": "torch"})


def test_a_session_on_a_gpu_says_how_it_exchanges(package, use, gpu_build) -> None:
    use(None)
    gpu_build(working=("CUDAExecutionProvider", "CPUExecutionProvider"))
    session = open_session(package, device="cuda")

    assert session.array_kind == "numpy"
    assert "copied through main memory: torch cannot be imported" in session.runtime["arrays"]
