from __future__ import annotations

import sys
from pathlib import Path

import pytest

from im_backend_onnx.detection import detect, find_package, max_opset
from inference_models import BackendUnavailable


def test_what_is_installed_here_is_what_onnxruntime_says_of_itself() -> None:
    import onnxruntime

    facts = detect()

    assert facts["version"] == onnxruntime.__version__
    assert facts["distribution"] == "onnxruntime"
    assert set(facts["execution_providers"]) <= set(onnxruntime.get_available_providers())
    assert facts["execution_providers"][-1] == "CPUExecutionProvider"


def test_a_missing_runtime_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        detect([str(tmp_path)])

    assert caught.value.reason == "onnxruntime is not installed"
    assert caught.value.fix == 'pip install "im-backend-onnx[cpu]"'


def test_what_an_uninstall_left_behind_is_not_an_installation(install_runtime) -> None:
    # Uninstalling one of two distributions takes the libraries of the other away with it.
    path = install_runtime([("onnxruntime", "1.30.0")], native=False)

    with pytest.raises(BackendUnavailable, match="installed incompletely") as caught:
        detect(path)
    assert "uninstall onnxruntime," in (caught.value.fix or "")


def test_a_directory_of_that_name_without_a_package_is_not_an_installation(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime").mkdir()

    with pytest.raises(BackendUnavailable):
        detect([str(tmp_path)])


@pytest.mark.parametrize(
    ("libraries", "platform", "providers"),
    [
        (["libonnxruntime_providers_shared.so"], "linux", []),
        (
            ["libonnxruntime_providers_cuda.so", "libonnxruntime_providers_tensorrt.so"],
            "linux",
            ["TensorrtExecutionProvider", "CUDAExecutionProvider"],
        ),
        (["onnxruntime_providers_cuda.dll"], "win32", ["CUDAExecutionProvider"]),
        (["libonnxruntime_providers_openvino.so"], "linux", ["OpenVINOExecutionProvider"]),
        (["libonnxruntime_providers_rocm.so"], "linux", ["ROCMExecutionProvider"]),
        (["DirectML.dll"], "win32", ["DmlExecutionProvider"]),
        (["QnnHtp.dll"], "win32", ["QNNExecutionProvider"]),
        (["libonnxruntime.1.31.1.dylib"], "darwin", ["CoreMLExecutionProvider"]),
    ],
)
def test_execution_providers_show_by_their_libraries(install_runtime, libraries, platform, providers) -> None:
    facts = detect(install_runtime(libraries=libraries), platform)

    assert facts["execution_providers"] == [*providers, "CPUExecutionProvider"]


@pytest.mark.parametrize(
    "name", ["onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-rocm", "onnxruntime-qnn"]
)
def test_any_distribution_serves(install_runtime, name: str) -> None:
    facts = detect(install_runtime([(name, "1.20.1")], build=None))

    assert (facts["distribution"], facts["version"], facts["max_opset"]) == (name, "1.20.1", 21)
    assert facts["warnings"] == []


def test_two_distributions_over_each_other_are_reported_with_whose_files_are_there(install_runtime) -> None:
    facts = detect(
        install_runtime(
            [("onnxruntime", "1.30.0"), ("onnxruntime-gpu", "1.29.0")],
            build="package_name = 'onnxruntime-gpu'\n__version__ = '1.29.0'\ncuda_version = '12.8'\n",
        )
    )

    assert (facts["distribution"], facts["version"], facts["cuda"]) == ("onnxruntime-gpu", "1.29.0", "12.8")
    assert facts["source"].startswith("files in ")
    assert facts["source"].endswith("capi")
    (warning,) = facts["warnings"]
    assert warning.startswith("onnxruntime and onnxruntime-gpu are installed over each other")
    assert "those of onnxruntime-gpu" in warning


def test_a_build_from_source_without_metadata(install_runtime) -> None:
    facts = detect(install_runtime([], build=None, init='__version__ = "1.24.0"\n'))

    assert (facts["distribution"], facts["version"], facts["max_opset"]) == (None, "1.24.0", 25)


def test_a_build_that_does_not_state_its_version_is_not_taken_for_an_old_one(install_runtime) -> None:
    facts = detect(install_runtime([], build=None))

    assert (facts["version"], facts["max_opset"]) == (None, None)


@pytest.mark.parametrize(
    ("version", "opset"),
    [
        ("1.14.1", 18),
        ("1.15.0", 19),
        ("1.16.3", 19),
        ("1.17.3", 20),
        ("1.18.1", 21),
        ("1.20.1", 21),
        ("1.21.1", 22),
        ("1.22.1", 22),
        ("1.23.2", 23),
        ("1.24.1", 25),
        ("1.25.1", 26),
        ("1.31.1", 26),
        ("1.31.0.dev20261001001", 26),
        ("1.22.0+cu118", 22),
        ("1.999.0", None),
        ("2.0.0", None),
        ("unknown", None),
        (None, None),
    ],
)
def test_newest_operator_set(version: str | None, opset: int | None) -> None:
    assert max_opset(version) == opset


def test_the_runtime_installed_here_runs_as_many_operator_sets_as_the_table_says(write_package) -> None:
    import onnxruntime
    from onnx import TensorProto, helper

    newest = max_opset(onnxruntime.__version__)
    if newest is None:
        pytest.skip("newer than the table")
    information = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]

    def load(opset: int) -> None:
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", information[:1], information[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    load(newest)
    with pytest.raises(Exception, match="opset"):
        load(newest + 1)


def test_a_module_of_that_name_without_a_spec_is_no_installation(monkeypatch) -> None:
    from types import ModuleType

    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setitem(sys.modules, "onnxruntime", ModuleType("onnxruntime"))

    assert find_package() is None
