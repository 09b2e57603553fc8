from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from im_backend_trt.half_precision import to_half_precision
from inference_models import MissingDependencyError, ModelCompilationError


@pytest.fixture
def network(tmp_path: Path, networks) -> Path:
    """A network with operators that stay in float32 (Resize) and that do not."""
    generator = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c"], ["s"]),
        helper.make_node("Mul", ["c", "s"], ["m"]),
        helper.make_node("ReduceMean", ["m"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Resize", ["m", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Exp", ["large"], ["larger"]),
    ]
    constants = {
        "w": generator.standard_normal((8, 3, 3, 3)).astype(np.float32) / 5,
        "scales": np.array([1, 1, 2, 2], np.float32),
    }
    outputs = {"mean": ["n", 8], "large": ["n", 8, 32, 32], "larger": ["n", 8, 32, 32]}
    model = networks.make(nodes, {"x": ["n", 3, 16, 16]}, outputs, constants)
    onnx.save(model, tmp_path / "weights.onnx")
    return tmp_path / "weights.onnx"


def run(path: Path) -> list[Any]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
    results: list[Any] = session.run(None, {"x": x})
    return results


def test_the_copy_computes_in_float16_and_takes_and_gives_float32(network: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxconverter_common", reason="an extra of this plugin")
    half = tmp_path / "half.onnx"
    before = network.read_bytes()
    to_half_precision(network, half)
    model = onnx.load(str(half))
    onnx.checker.check_model(model)
    types = {value.name: value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    assert types == dict.fromkeys(["x", "mean", "large", "larger"], TensorProto.FLOAT)
    assert {one.name: one.data_type for one in model.graph.initializer}["w"] == TensorProto.FLOAT16
    for exact, found in zip(run(network), run(half), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=5e-3, atol=5e-3)
        assert not np.array_equal(found, exact)
    assert network.read_bytes() == before


def test_weights_in_a_file_of_their_own(network: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxconverter_common", reason="an extra of this plugin")
    place = tmp_path / "external"
    place.mkdir()
    model = onnx.load(str(network))
    onnx.save(model, place / "weights.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    to_half_precision(place / "weights.onnx", tmp_path / "half.onnx")
    np.testing.assert_allclose(run(tmp_path / "half.onnx")[0], run(network)[0], atol=5e-3)


def test_what_cannot_be_converted(tmp_path: Path) -> None:
    pytest.importorskip("onnxconverter_common", reason="an extra of this plugin")
    (tmp_path / "weights.onnx").write_bytes(b"no network")
    with pytest.raises(ModelCompilationError, match=r"weights\.onnx cannot be converted to half precision"):
        to_half_precision(tmp_path / "weights.onnx", tmp_path / "half.onnx")


def test_without_the_extra(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("onnxconverter_common"):
            raise ImportError(f"No module named {name!r}")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r'pip install "im-backend-trt\[fp16\]"'):
        to_half_precision(network, tmp_path / "half.onnx")
