"""Installations of TensorRT made of files, a stand-in that computes, and main memory in the place of a GPU."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from im_backend_trt import logs
from im_backend_trt.runtimes import KINDS

FAKE = Path(__file__).with_name("fake_tensorrt")
WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) / 7


class HostStream:
    """What a CUDA stream is to the session, where everything is done at once."""

    def __init__(self) -> None:
        self.cuda_stream = id(self)
        self.waited_for: list[Any] = []

    def wait_stream(self, stream: Any) -> None:
        self.waited_for.append(stream)

    def synchronize(self) -> None:
        pass


class HostGraph:
    """A recorded run: what the stand-in would have done."""

    def __init__(self, steps: list[Callable[[], object]]) -> None:
        self._steps = steps

    def replay(self) -> None:
        for step in self._steps:
            step()


class HostDevice:
    """`im_backend_trt.cuda.CudaDevice` with the CPU's memory."""

    alignment = 16
    torch = torch
    name = "cpu"

    def __init__(self, fake: Any = None) -> None:
        self._fake = fake
        self.held: list[Any] = []
        self.recorded = 0

    def active(self) -> AbstractContextManager[object]:
        return nullcontext()

    def new_stream(self) -> HostStream:
        return HostStream()

    def current_stream(self) -> HostStream:
        return HostStream()

    def on(self, stream: Any) -> AbstractContextManager[object]:
        return nullcontext()

    def hold(self, tensor: Any, stream: Any) -> None:
        self.held.append(tensor.data_ptr())

    def record(self, stream: Any, enqueue: Callable[[], None]) -> HostGraph:
        self.recorded += 1
        captured = self._fake.state.capturing
        captured[threading.get_ident()] = steps = []
        try:
            enqueue()
            return HostGraph(steps)
        finally:
            del captured[threading.get_ident()]

    def memory(self) -> tuple[int, int]:
        return 3_000_000, 8_000_000

    def describe(self) -> tuple[str, str]:
        return "NVIDIA L4", "8.9"


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
    initializers: Mapping[str, Any] | None = None,
    *,
    types: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Return a model of the given nodes; `types` states those of inputs and outputs that are not float32."""
    types = types or {}

    def values(group: Mapping[str, Sequence[int | str]]) -> list[onnx.ValueInfoProto]:
        kinds = {name: types.get(name, TensorProto.FLOAT) for name in group}
        return [helper.make_tensor_value_info(name, kinds[name], shape) for name, shape in group.items()]

    constants = [numpy_helper.from_array(value, name) for name, value in (initializers or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", values(inputs), values(outputs), constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def linear_model(batch: int | str = "batch") -> onnx.ModelProto:
    """Return `y = x @ WEIGHTS`, x of shape (batch, 3)."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return make_model([node], {"x": [batch, 3]}, {"y": [batch, 4]}, {"w": WEIGHTS})


class Networks:
    """The functions above, for tests: a conftest cannot be imported."""

    make = staticmethod(make_model)
    linear = staticmethod(linear_model)
    weights = WEIGHTS
    profile = staticmethod(lambda low, high: [{"x": [(low, 3), (low, 3), (high, 3)]}])


@pytest.fixture(scope="session")
def networks() -> type[Networks]:
    """Return the functions that make networks."""
    return Networks


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that installs runtimes and torch as files, and gives the search path.

    `install({"full": "10.12.0.36"}, torch="2.8.0", cuda="12.8")`; nothing in it can be imported.
    """
    site = tmp_path / "site"

    def make(
        runtimes: Mapping[str, str], *, torch: str | None = "2.8.0", cuda: str | None = "12.8", wheels: str = "cu12"
    ) -> list[str]:
        for kind, version in runtimes.items():
            module = KINDS[kind]
            bindings = site / f"{module}_bindings"
            for directory in (site / module, bindings):
                directory.mkdir(parents=True)
            (bindings / f"{module}.so").touch()
            (bindings / "__init__.py").write_text(f'__version__ = "{version}"\n')
            _write_metadata(site, module.replace("_", "-"), version)
            _write_metadata(site, f"{module.replace('_', '-')}-{wheels}-libs", version)
        if torch is not None:
            (site / "torch").mkdir(parents=True)
            text = f"__version__ = '{torch}'\ncuda: Optional[str] = {cuda!r}\n"
            (site / "torch" / "version.py").write_text(text)
        return [str(site)]

    return make


def _write_metadata(site: Path, name: str, version: str) -> None:
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Install the stand-in as `tensorrt` and return the module."""
    package = tmp_path / "fake-site" / "tensorrt"
    shutil.copytree(FAKE, package)
    (package / "tensorrt.so").touch()
    (package / "__init__.py").write_text(
        '__version__ = "10.16.1.11"\nfrom .common import *\nfrom .runtime import *\nfrom .builder import *\n'
    )
    monkeypatch.syspath_prepend(str(package.parent))
    _forget()
    import tensorrt  # type: ignore[import-not-found]

    yield tensorrt
    _forget()


def _forget() -> None:
    logs._logs.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorrt"]:
        del sys.modules[name]


@pytest.fixture
def device(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> HostDevice:
    """Let sessions and builds run in main memory, and return that device."""
    host = HostDevice(fake)
    monkeypatch.setattr("im_backend_trt.opening.choose_device", lambda *_: host)
    monkeypatch.setattr("im_backend_trt.compiler.choose_device", lambda *_: host)
    return host


@pytest.fixture
def write_engine(fake: ModuleType, device: HostDevice, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a package: `write_engine(model_or_bytes, profiles, outputs)`."""

    def write(model: Any, profiles: Any = None, outputs: Any = None) -> Path:
        directory = tmp_path / "package"
        directory.mkdir(exist_ok=True)
        if not isinstance(model, bytes):
            model = fake.serialize(model, profiles or [{}], outputs)
        (directory / "engine.plan").write_bytes(model)
        return directory

    return write


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits for a condition, ten seconds at most."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.005)

    return wait
