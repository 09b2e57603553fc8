"""What is known about OpenVINO without importing it, and what that means for packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from custom_backend.compatibility import check
from custom_backend.detection import detect, release_of
from custom_backend.manifest import OpenVINOPackageDetails
from inference_models import BackendUnavailable
from inference_models.developer_tools import ModelPackageMetadata, Request, installed_version, x_ray_runtime_environment

FILES = ("_pyopenvino.cpython-311-x86_64-linux-gnu.so", "libs/libopenvino_intel_cpu_plugin.so", "libs/cache.json")


@pytest.fixture
def install(tmp_path: Path):
    """Return a function that makes an installation out of files and gives its search path."""

    def make(*distributions: tuple[str, str], files: tuple[str, ...] = FILES) -> list[str]:
        for name in files:
            path = tmp_path / "openvino" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if files:
            (tmp_path / "openvino/__init__.py").touch()
        for name, version in distributions:
            metadata = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info/METADATA"
            metadata.parent.mkdir()
            metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return [str(tmp_path)]

    return make


def test_the_real_one() -> None:
    facts = detect()
    assert facts["version"] == installed_version("openvino")
    assert "cpu" in facts["devices"]
    assert facts["warnings"] == []


def test_detecting_imports_neither_openvino_nor_numpy() -> None:
    code = (
        "import sys; from custom_backend import compatibility, detection, plugin; plugin.im_backends(); "
        "detection.detect(); print([name for name in ('openvino', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.strip() == "[]"


def test_devices_are_those_that_this_build_has_libraries_for(install) -> None:
    files = (*FILES, "libs/libopenvino_intel_gpu_plugin.so", "libs/libopenvino_auto_plugin.so")
    assert detect(install(("openvino", "2026.4.1"), files=files))["devices"] == ["cpu", "gpu"]
    arm = ("_pyopenvino.so", "libs/libopenvino_arm_cpu_plugin.so")
    assert detect(install(files=arm))["devices"] == ["cpu", "gpu"]


@pytest.mark.parametrize(
    ("distributions", "files", "reason"),
    [
        ((), (), "not installed"),
        ((("openvino", "2026.4.1"),), (), "not installed"),
        ((), FILES, "not installed"),
        ((("openvino", "2026.4.1"),), FILES[:1], "incompletely"),
        ((("openvino", "2026.1.0"),), FILES, r"openvino 2026\.1\.0 is too old"),
    ],
)
def test_why_it_cannot_be_used_and_what_helps(install, distributions, files, reason: str) -> None:
    with pytest.raises(BackendUnavailable, match=reason) as caught:
        detect(install(*distributions, files=files))
    assert 'pip install "openvino>=' in caught.value.fix


def test_two_over_each_other_are_a_warning(install) -> None:
    facts = detect(install(("openvino", "2026.4.1"), ("openvino-nightly", "2026.5.0.dev1")))
    assert "openvino and openvino-nightly are installed over each other" in facts["warnings"][0]


def test_releases() -> None:
    assert [release_of(text) for text in ("2026.4.1", "2025.0.0.dev2", "x")] == [(2026, 4), (2025, 0), (0, 0)]


def reason(device: str | None = None, made_by: str | None = None) -> str | None:
    details = None if made_by is None else OpenVINOPackageDetails(made_by)
    package = ModelPackageMetadata(package_id="p", backend="openvino", backend_details=details, directory=Path())
    return check(package, x_ray_runtime_environment(), Request(device=device))


def test_packages_that_can_run() -> None:
    assert reason() is None
    assert reason("cpu", "2024.1.0") is None
    assert reason(made_by=str(installed_version("openvino"))) is None
    assert reason(made_by="custom build") is None


def test_packages_that_cannot() -> None:
    assert "OpenVINO runs on cpu, gpu and gpu:<number> (Intel's), and npu" in (reason("cuda") or "")
    assert "made by OpenVINO 2999.1.0 and" in (reason(made_by="2999.1.0") or "")
