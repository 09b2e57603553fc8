"""Against the `onnx` package, which reads and writes the same messages with code of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from im_backend_onnx.onnx_file import OnnxFile, check_external_data, read_onnx_file
from inference_models import CorruptedModelPackageError


@pytest.fixture
def read(tmp_path: Path):
    """Return a function that writes a model to a file and reads it: `read(model)`."""

    def write_and_read(model: onnx.ModelProto | bytes) -> OnnxFile:
        path = tmp_path / "model.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        return read_onnx_file(path)

    return write_and_read


def external(name: str, location: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(2, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("offset", "0"), ("location", location), ("length", "8")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


@pytest.mark.parametrize("opset", [7, 17, 26])
def test_operator_set(networks, read, opset: int) -> None:
    model = networks.make([], [], [], opset=opset)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    assert read(model) == OnnxFile(opset=opset)


def test_a_network_of_other_operators_only_has_no_operator_set(networks, read) -> None:
    model = networks.make([], [], [])
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("com.acme", 3))

    assert read(model).opset is None


def test_the_long_name_of_the_standard_operators(networks, read) -> None:
    model = networks.make([], [], [])
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("ai.onnx", 18))

    assert read(model).opset == 18


def test_weights_in_files_are_found_wherever_a_tensor_can_be(read) -> None:
    def constant(location: str) -> onnx.NodeProto:
        return helper.make_node("Constant", [], [location], value=external("t", location))

    inner = helper.make_graph([constant("in-a-branch")], "inner", [], [])
    branch = helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=helper.make_graph([], "e", [], []))
    sparse = helper.make_sparse_tensor(external("v", "sparse-values"), external("i", "sparse-indices"), [4])
    graph = helper.make_graph(
        [constant("in-a-node"), branch], "g", [], [], [external("w", "initializer")], sparse_initializer=[sparse]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.functions.append(
        helper.make_function(
            "d", "f", [], ["in-a-function"], [constant("in-a-function")], [helper.make_opsetid("", 17)]
        )
    )
    model.training_info.add().initialization.CopyFrom(
        helper.make_graph([], "training", [], [], [external("x", "training")])
    )
    several = helper.make_node("Foo", [], ["q"], tensors=[external("a", "list-1"), external("b", "list-2")])
    model.graph.node.append(several)

    assert set(read(model).external_data) == {
        "in-a-node", "in-a-branch", "in-a-function", "initializer", "sparse-values", "sparse-indices", "training",
        "list-1", "list-2",
    }  # fmt: skip


def test_large_weights_around_the_place_do_not_hide_it(networks, read) -> None:
    big = [numpy_helper.from_array(np.zeros(50_000, np.float32), f"w{index}") for index in range(3)]
    model = networks.make([], [], [], [big[0], external("w", "weights.bin"), big[1], big[2]])

    assert read(model).external_data == ("weights.bin",)


def test_the_word_in_names_and_values_is_no_place(networks, read) -> None:
    text = helper.make_tensor("location", TensorProto.STRING, [1], [b"location"])
    model = networks.make([helper.make_node("Identity", ["location"], ["location2"])], [], [], [text])
    model.doc_string = "location"

    assert read(model).external_data == ()


def test_a_written_and_split_model_is_read_as_onnx_reads_it(networks, tmp_path: Path) -> None:
    onnx.save_model(
        networks.linear(), tmp_path / "m.onnx", save_as_external_data=True, location="m.onnx.data", size_threshold=0
    )

    assert read_onnx_file(tmp_path / "m.onnx") == OnnxFile(opset=17, external_data=("m.onnx.data",))


@pytest.mark.parametrize(
    "data",
    [b"<html>not found</html>", b"\x0a\xff", b"\x3a\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 11, b"PK\x03\x04" * 9],
)
def test_other_files_are_refused(read, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"it ends too early|wire type|does not fit|longer than 64 bits"):
        read(data)


@given(cut=st.integers(1, 200))
def test_a_cut_file_is_refused_or_read_as_far_as_it_goes(networks, tmp_path_factory, cut: int) -> None:
    data = networks.linear().SerializeToString()
    path = tmp_path_factory.mktemp("cut") / "model.onnx"
    path.write_bytes(data[:-cut] or b"\x08")
    with contextlib.suppress(ValueError):  # the other allowed answer
        assert read_onnx_file(path).external_data == ()


@given(data=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_read_or_refused_but_nothing_else_happens(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "model.onnx"
    path.write_bytes(data)
    with contextlib.suppress(ValueError):  # the other allowed answer
        assert isinstance(read_onnx_file(path), OnnxFile)


def test_graphs_nested_without_end_are_refused(read) -> None:
    def field(number: int, payload: bytes) -> bytes:
        length, size = len(payload), b""
        while length > 0x7F:
            size += bytes([length & 0x7F | 0x80])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + payload

    graph = field(5, b"location")
    for _ in range(500):
        graph = field(1, field(5, field(6, graph)))  # graph: node: attribute: graph

    with pytest.raises(ValueError, match="nested too deeply"):
        read(field(7, graph))


@pytest.fixture
def weights(networks, tmp_path: Path) -> Path:
    directory = tmp_path / "package"
    (directory / "data").mkdir(parents=True)
    (directory / "data/w.bin").write_bytes(b"1234")
    (tmp_path / "outside.bin").write_bytes(b"1234")
    (tmp_path / "package-2").mkdir()
    (tmp_path / "package-2/w.bin").write_bytes(b"1234")
    path = directory / "weights.onnx"
    path.write_bytes(networks.move_weights_to(networks.linear(), "data/w.bin").SerializeToString())
    return path


def test_files_inside_the_package_are_fine(weights: Path) -> None:
    check_external_data(weights, ("data/w.bin", "./data/w.bin", "data/../data/w.bin"))


@pytest.mark.parametrize(
    "location",
    [
        "",
        "../outside.bin",
        "/etc/passwd",
        "data/../../outside.bin",
        "../package-2/w.bin",
        "C:\\x.bin",
        "\\\\host\\x.bin",
    ],
)
def test_places_outside_the_package_are_refused(weights: Path, location: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match="not inside its package"):
        check_external_data(weights, (location,))


def test_a_link_out_of_the_package_is_refused(weights: Path) -> None:
    (weights.parent / "link.bin").symlink_to("../outside.bin")

    with pytest.raises(CorruptedModelPackageError, match="not inside its package"):
        check_external_data(weights, ("link.bin",))


@pytest.mark.parametrize("location", ["missing.bin", "data", "*/_ORT_MEM_ADDR_/*"])
def test_missing_files_are_refused(weights: Path, location: str) -> None:
    with pytest.raises(CorruptedModelPackageError, match="no such file"):
        check_external_data(weights, (location,))
