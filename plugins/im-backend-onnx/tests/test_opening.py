"""What cannot be opened, and which device is really used."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from onnx import TensorProto, helper

from im_backend_onnx.session import open_session
from inference_models import (
    CorruptedModelPackageError,
    DeviceUnavailableError,
    InvalidParameterError,
    MissingDependencyError,
    ModelLoadingError,
)
from inference_models.developer_tools import ModelPackageMetadata, ONNXPackageDetails

CPU, CUDA, COREML = "CPUExecutionProvider", "CUDAExecutionProvider", "CoreMLExecutionProvider"

without_cuda = pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this build has CUDA")


@pytest.fixture(autouse=True)
def _default_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONNXRUNTIME_EXECUTION_PROVIDERS", raising=False)
    monkeypatch.setattr("im_backend_onnx.diagnosis._warned", set())


@pytest.mark.parametrize("data", [b"", b"<html>404 Not Found</html>", b"\x00" * 100, b"\x08\x07"])
def test_files_that_are_no_networks(write_package, data: bytes) -> None:
    with pytest.raises(CorruptedModelPackageError, match=r"weights\.onnx is not a (complete|usable) ONNX"):
        open_session(write_package(data))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_download_that_broke_off(write_package, networks, share: float) -> None:
    data = networks.linear().SerializeToString()

    with pytest.raises(CorruptedModelPackageError, match="Download or export the package again"):
        open_session(write_package(data[: int(len(data) * share)]))


def test_a_directory_without_weights_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "yolo.onnx").touch()
    (tmp_path / "class_names.txt").touch()

    with pytest.raises(CorruptedModelPackageError, match=r"neither weights\.onnx nor model\.onnx.*names\.txt, yolo"):
        open_session(tmp_path)
    with pytest.raises(CorruptedModelPackageError, match="empty or missing"):
        open_session(tmp_path / "nowhere")


def test_a_network_that_contradicts_itself_is_told_in_the_words_of_the_runtime(write_package, networks) -> None:
    model = networks.linear()
    model.graph.node[0].input[0] = "nothing"

    with pytest.raises(CorruptedModelPackageError, match="nothing") as caught:
        open_session(write_package(model))
    assert "[ONNXRuntimeError]" not in str(caught.value)


def test_an_operator_set_of_the_future_is_not_called_corrupted(write_package, networks) -> None:
    model = networks.linear()
    model.opset_import[0].version = 99

    with pytest.raises(ModelLoadingError, match=r"cannot run.*99.*Update onnxruntime") as caught:
        open_session(write_package(model))
    assert not isinstance(caught.value, CorruptedModelPackageError)


def test_an_operator_of_somebody_s_own_is_not_called_corrupted(write_package, networks) -> None:
    model = networks.make(
        [helper.make_node("Foo", ["x"], ["y"], domain="com.acme")],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    model.opset_import.append(helper.make_opsetid("com.acme", 1))

    with pytest.raises(ModelLoadingError, match=r"com\.acme:Foo") as caught:
        open_session(write_package(model))
    assert not isinstance(caught.value, CorruptedModelPackageError)


@pytest.mark.parametrize("release", [onnxruntime.__version__, "1.30.0", "1.18.1"])
@pytest.mark.parametrize("location", ["../secret.bin", "ABSOLUTE", "link.bin"])
def test_weights_outside_of_the_package_are_never_read(
    write_package, networks, tmp_path: Path, location: str, release: str, monkeypatch
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", release)
    secret = tmp_path / "secret.bin"
    secret.write_bytes(networks.weights.tobytes())
    place = str(secret) if location == "ABSOLUTE" else location
    package = write_package(networks.move_weights_to(networks.linear(), place))
    (package / "link.bin").symlink_to("../secret.bin")

    with pytest.raises(CorruptedModelPackageError, match="not inside its package"):
        open_session(package)
    # The installed release refuses by itself as well, and is trusted to; older ones are looked after.
    with pytest.raises(Exception, match="External data path"):
        onnxruntime.InferenceSession(str(package / "weights.onnx"), providers=[CPU])


def test_weights_that_are_too_short(write_package, networks) -> None:
    package = write_package(networks.move_weights_to(networks.linear(), "w.bin"))
    (package / "w.bin").write_bytes(b"12")

    with pytest.raises(CorruptedModelPackageError):
        open_session(package)


@without_cuda
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "CUDA:1"])
def test_cuda_that_is_not_there_is_an_error_and_never_a_run_on_the_cpu(package: Path, device: str) -> None:
    with pytest.raises(DeviceUnavailableError, match=re.escape('pip install "im-backend-onnx[gpu]"')):
        open_session(package, device=device)


@without_cuda
@pytest.mark.parametrize("wanted", [[CUDA], [(CUDA, {"device_id": 0})], [CUDA, "TensorrtExecutionProvider"]])
def test_a_provider_that_is_not_there_is_an_error(package: Path, wanted: list[object]) -> None:
    with pytest.raises(DeviceUnavailableError, match=f"{CUDA} is not in the installed build"):
        open_session(package, options={"onnx_execution_providers": wanted})


@without_cuda
def test_a_list_that_allows_the_cpu_gets_the_cpu_and_says_so(package: Path) -> None:
    session = open_session(package, options={"onnx_execution_providers": [CUDA, CPU]})

    assert (session.device, session.runtime["execution_providers"]) == ("cpu", (CPU,))


def test_a_device_that_nobody_has(package: Path) -> None:
    with pytest.raises(InvalidParameterError, match="cude"):
        open_session(package, device="cude")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"onnx_threads": 0}, "onnx_threads="),
        ({"onnx_execution_providers": "CPUExecutionProvider"}, "takes a list"),
        ({"onnx_thread": 1}, "no option 'onnx_thread'"),
        ({"onnx_array_kind": "jax"}, "onnx_array_kind= takes 'torch' or 'numpy', not 'jax'"),
        ({"onnx_execution_providers": [(CUDA, {"enable_cuda_graph": True})]}, "enable_cuda_graph of CUDA.* cannot be"),
    ],
)
def test_options_that_make_no_sense(package: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidParameterError, match=told):
        open_session(package, options=options)


def test_what_the_package_cannot_run_on_is_not_used(package: Path) -> None:
    metadata = ModelPackageMetadata(
        "p1", "onnx", directory=package, backend_details=ONNXPackageDetails(opset=17, incompatible_providers=(CPU,))
    )

    with pytest.raises(DeviceUnavailableError, match="known not to run with"):
        open_session(package, package=metadata, device="cpu")


def test_without_onnxruntime_the_error_says_what_to_install(package: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(MissingDependencyError, match=re.escape('pip install "im-backend-onnx[cpu]"')):
        open_session(package)


def test_a_provider_that_starts_is_the_device(package: Path, gpu_build) -> None:
    build = gpu_build(working=(CUDA, CPU))
    session = open_session(package, device="cuda:1")

    assert build.asked == [[CUDA, CPU]]
    assert session.device == "cuda:1"
    assert session.runtime["execution_providers"] == (CUDA, CPU)


@pytest.mark.parametrize("error", [None, RuntimeError("CUDA failure 100: no CUDA-capable device is detected")])
def test_asked_for_cuda_that_does_not_start_is_an_error_with_the_reason(package: Path, gpu_build, error) -> None:
    build = gpu_build(working=(CPU,), error=error)

    with pytest.raises(DeviceUnavailableError) as caught:
        open_session(package, device="cuda")
    assert build.asked == [[CUDA, CPU]]
    assert ("no CUDA-capable device" if error else "its library does not load: ") in str(caught.value)


def test_a_default_that_does_not_start_gives_way_and_says_so_once(package: Path, gpu_build, caplog) -> None:
    build = gpu_build(working=(CPU,), error=RuntimeError("CUDA failure 100: no CUDA-capable device is detected"))
    with caplog.at_level(logging.WARNING):
        sessions = [open_session(package) for _ in range(3)]

    assert [session.device for session in sessions] == ["cpu"] * 3
    assert build.asked == [[CUDA, CPU], [CPU]] * 3
    (record,) = caplog.records
    assert "no CUDA-capable device is detected" in record.getMessage()


def test_a_list_gives_way_to_its_later_entries(package: Path, gpu_build, caplog) -> None:
    gpu_build(working=(CPU,))
    with caplog.at_level(logging.WARNING):
        session = open_session(package, options={"onnx_execution_providers": [CUDA, CPU]})

    assert session.device == "cpu"
    assert "as better choices do not work here" in caplog.text


def test_another_gpu_than_the_one_asked_for_is_an_error(package: Path, gpu_build, monkeypatch) -> None:
    build = gpu_build(working=(CUDA, CPU))
    real = build.InferenceSession

    def always_the_first(*arguments: Any, **keywords: Any) -> Any:
        session = real(*arguments, **keywords)
        session.get_provider_options = lambda: {CUDA: {"device_id": "0"}, CPU: {}}
        return session

    monkeypatch.setattr(build, "InferenceSession", always_the_first)
    with pytest.raises(DeviceUnavailableError):
        open_session(package, device="cuda:1")


def test_a_corrupted_network_is_no_problem_of_the_device(write_package, networks, gpu_build) -> None:
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph

    told = "[ONNXRuntimeError] : 10 : INVALID_GRAPH : no provider would load this"
    gpu_build(working=(), error=InvalidGraph(told))
    with pytest.raises(CorruptedModelPackageError, match="no provider would load this"):
        open_session(write_package(networks.linear()), device="cuda")


def test_opening_prints_nothing(write_package, networks) -> None:
    model = networks.linear()
    model.opset_import[0].version = 99
    program = (
        "import sys\n"
        "from im_backend_onnx.session import open_session\n"
        "try:\n    open_session(sys.argv[1])\n"
        "except Exception as error:\n    assert '99' in str(error)\n"
        "else:\n    sys.exit('opened')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(write_package(model))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("", "")
