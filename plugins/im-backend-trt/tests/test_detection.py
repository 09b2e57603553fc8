from __future__ import annotations

from pathlib import Path

import pytest

from im_backend_trt.detection import detect, find_runtimes
from im_backend_trt.runtimes import Runtime
from inference_models import BackendUnavailable
from inference_models.developer_tools import Environment
from inference_models.environment import Gpu, Jetson

GPU = Environment.from_facts(gpus=[Gpu(index=0, name="NVIDIA L4", compute_capability="8.9")])


def test_nothing_is_installed(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        detect([str(tmp_path)], GPU)
    assert caught.value.reason == "tensorrt is not installed"
    assert caught.value.fix == 'on a machine with an NVIDIA GPU, pip install "im-backend-trt[tensorrt]"'


@pytest.mark.parametrize("version", ["10.0.1.6", "10.16.1.11", "11.4.0.106"])
def test_the_full_tensorrt(install, version: str) -> None:
    assert detect(install({"full": version}), GPU) == {
        "version": version,
        "runtime": "full",
        "runtimes": {"full": version},
        "cuda": 12,
        "torch": "2.8.0",
        "torch_cuda": "12.8",
    }


def test_all_three_side_by_side(install) -> None:
    versions = {"dispatch": "10.1.0", "lean": "10.2.0", "full": "10.3.0"}
    facts = detect(install(versions, wheels="cu13"), GPU)
    assert (facts["runtime"], facts["version"], facts["cuda"]) == ("full", "10.3.0", 13)
    assert list(facts["runtimes"]) == ["full", "lean", "dispatch"]


def test_one_that_is_too_old_does_not_count(install) -> None:
    path = install({"full": "8.6.1", "lean": "10.2.0"})
    assert detect(path, GPU)["runtimes"] == {"lean": "10.2.0"}


def test_nothing_but_an_old_one(install) -> None:
    with pytest.raises(BackendUnavailable, match=r"tensorrt 8\.6\.1 is too old") as caught:
        detect(install({"full": "8.6.1"}), GPU)
    assert caught.value.fix == 'pip install "tensorrt>=10,<12"'


def test_debians_packages_keep_the_extension_module_beside_the_python_code(tmp_path: Path) -> None:
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / "tensorrt.so").touch()
    (tmp_path / "tensorrt" / "__init__.py").write_text('import os\n\n__version__ = "10.3.0"\n')
    assert find_runtimes([str(tmp_path)]) == [Runtime("full", "10.3.0")]


@pytest.mark.parametrize("name", ["tensorrt.cpython-311-x86_64-linux-gnu.so", "tensorrt.cp311-win_amd64.pyd"])
def test_other_names_of_the_extension_module(tmp_path: Path, name: str) -> None:
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / name).touch()
    assert find_runtimes([str(tmp_path)]) == [Runtime("full", "unknown")]


def test_what_a_failed_installation_left_is_no_installation(tmp_path: Path) -> None:
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / "__init__.py").write_text("from tensorrt_bindings import *\n")
    assert find_runtimes([str(tmp_path)]) == []


def test_torch_is_missing(install) -> None:
    with pytest.raises(BackendUnavailable, match="torch is not installed") as caught:
        detect(install({"full": "10.12.0.36"}, torch=None), GPU)
    assert "pytorch.org" in (caught.value.fix or "")


def test_torch_is_built_without_cuda(install) -> None:
    with pytest.raises(BackendUnavailable, match=r"torch 2\.8\.0\+cpu is built without CUDA"):
        detect(install({"full": "10.12.0.36"}, torch="2.8.0+cpu", cuda=None), GPU)


def test_gpus_that_the_driver_lists_are_enough_and_nobody_asks_it_for_more(install) -> None:
    class Listed:
        gpu_fingerprint = ("0000:01:00.0", "all")

    assert detect(install({"full": "10.12.0.36"}), Listed())["version"] == "10.12.0.36"


def test_there_is_no_gpu(install) -> None:
    nothing = Environment.from_facts(gpu_problem="no NVIDIA driver answers")
    with pytest.raises(BackendUnavailable, match=r"needs an NVIDIA GPU, and none was found: no NVIDIA driver answers"):
        detect(install({"full": "10.12.0.36"}), nothing)


def test_on_a_jetson_nvml_may_not_list_the_gpu(install) -> None:
    jetson = Environment.from_facts(jetson=Jetson("nvidia-jetson-orin-nx", None, "36.4.0"), gpu_problem="no NVML")
    assert detect(install({"full": "10.3.0.30"}), jetson)["version"] == "10.3.0.30"


def test_this_machines_own_environment_is_asked_by_default(install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("im_backend_trt.detection.x_ray_runtime_environment", lambda: GPU)
    assert detect(install({"full": "10.12.0.36"}))["version"] == "10.12.0.36"
