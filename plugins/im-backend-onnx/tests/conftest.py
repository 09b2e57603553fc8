"""Tiny networks made on the spot, and installations of ONNX Runtime made of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
BIAS = np.array([0.5, -1.0, 2.0, 0.25], dtype=np.float32)


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
) -> onnx.ModelProto:
    """Return a model of the given nodes."""
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def linear_model(element: int = TensorProto.FLOAT, dtype: Any = np.float32) -> onnx.ModelProto:
    """Return `y = x @ WEIGHTS + BIAS`, x of shape (any, 3)."""
    return make_model(
        [helper.make_node("MatMul", ["x", "w"], ["xw"]), helper.make_node("Add", ["xw", "b"], ["y"])],
        [helper.make_tensor_value_info("x", element, ["batch", 3])],
        [helper.make_tensor_value_info("y", element, ["batch", 4])],
        [numpy_helper.from_array(WEIGHTS.astype(dtype), "w"), numpy_helper.from_array(BIAS.astype(dtype), "b")],
    )


def move_weights_to(model: onnx.ModelProto, location: str, initializer: int = 0) -> onnx.ModelProto:
    """Return a copy of `model` with an initializer that claims to lie in the file `location`."""
    moved = onnx.ModelProto()
    moved.CopyFrom(model)
    tensor = moved.graph.initializer[initializer]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return moved


class Networks:
    """The functions above, for tests: a conftest cannot be imported."""

    make = staticmethod(make_model)
    linear = staticmethod(linear_model)
    move_weights_to = staticmethod(move_weights_to)
    weights, bias = WEIGHTS, BIAS


@pytest.fixture(scope="session")
def networks() -> type[Networks]:
    """Return the functions that make networks."""
    return Networks


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a directory with the linear model as `weights.onnx`."""
    directory = tmp_path / "package"
    directory.mkdir()
    (directory / "weights.onnx").write_bytes(linear_model().SerializeToString())
    return directory


@pytest.fixture
def write_package(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a package: `write_package(model_or_bytes, name="weights.onnx")`."""

    def write(contents: onnx.ModelProto | bytes, name: str = "weights.onnx") -> Path:
        directory = tmp_path / "package"
        directory.mkdir(exist_ok=True)
        data = contents if isinstance(contents, bytes) else contents.SerializeToString()
        (directory / name).write_bytes(data)
        return directory

    return write


@pytest.fixture
def install_runtime(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that makes an installation of ONNX Runtime out of files, and gives its search path."""

    def install(
        distributions: Sequence[tuple[str, str]] = (("onnxruntime", "1.31.1"),),
        *,
        libraries: Sequence[str] = (),
        build: str | None = "package_name = 'onnxruntime'\n__version__ = '1.31.1'\n",
        init: str = "",
        native: bool = True,
    ) -> list[str]:
        site = tmp_path / "site"
        capi = site / "onnxruntime/capi"
        capi.mkdir(parents=True)
        (capi.parent / "__init__.py").write_text(init)
        for name in [*libraries, *(["onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so"] if native else [])]:
            (capi / name).touch()
        if build is not None:
            (capi / "build_and_package_info.py").write_text(build)
        for name, version in distributions:
            metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return [str(site)]

    return install


class GpuBuild:
    """A stand-in for onnxruntime with other providers, on a machine where `working` says which of them start.

    What does not start is left out of the session without a word, as the real one does when a library of
    CUDA is missing, or raises `error`.
    """

    __file__ = onnxruntime.__file__
    SessionOptions = onnxruntime.SessionOptions

    def __init__(
        self,
        working: tuple[str, ...],
        error: Exception | None = None,
        available: tuple[str, ...] = ("CUDAExecutionProvider", "CPUExecutionProvider"),
        version: str = "1.31.1",
    ) -> None:
        self.working, self.error, self.available, self.__version__ = working, error, available, version
        self.asked: list[list[str]] = []
        self.options: list[dict[str, dict[str, str]]] = []

    def get_available_providers(self) -> list[str]:
        return list(self.available)

    def InferenceSession(self, path: str, settings: Any, *, providers: list[Any], enable_fallback: int) -> Any:  # noqa: N802
        self.asked.append([name for name, _ in providers])
        self.options.append(dict(providers))
        assert enable_fallback == 0
        if self.error is not None and providers[0][0] not in self.working:
            raise self.error
        real = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        active = {name: dict(options) for name, options in providers if name in self.working}
        return SimpleNamespace(
            get_inputs=real.get_inputs,
            get_outputs=real.get_outputs,
            get_providers=lambda: list(active),
            get_provider_options=lambda: active,
            run=real.run,
        )


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> Callable[..., GpuBuild]:
    """Return a function that puts a stand-in for onnxruntime in place: `gpu_build(working, error=None, ...)`."""

    def put(*arguments: Any, **keywords: Any) -> GpuBuild:
        build = GpuBuild(*arguments, **keywords)
        monkeypatch.setattr("im_backend_onnx.session._import_onnxruntime", lambda: build)
        return build

    return put
