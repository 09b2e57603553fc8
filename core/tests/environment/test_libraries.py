from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from inference_models.environment.libraries import Library, scan_libraries

# As in the wheels.
VERSION_FILE = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '{version}'
debug = False
cuda: Optional[str] = {cuda}
git_version = '1234'
hip: Optional[str] = {hip}
rocm: Optional[str] = None
xpu: Optional[str] = None
"""


class Site:
    """A directory of installed Python packages, and a root for the system's files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "site"
        self.path.mkdir()

    def install(self, name: str, version: str) -> None:
        metadata = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def install_torch(self, version: str, cuda: str | None = None, hip: str | None = None) -> Path:
        (self.path / "torch").mkdir()
        (self.path / "torch/__init__.py").write_text("raise ImportError('nobody imports me')")
        file = self.path / "torch/version.py"
        file.write_text(VERSION_FILE.format(version=version, cuda=repr(cuda), hip=repr(hip)))
        return file

    def scan(self) -> tuple[Library, ...]:
        scan = scan_libraries(self.root, ["", str(self.path), "/nowhere"])
        assert scan.problem is None
        return scan.libraries


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    for name in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("distribution", "version", "name"),
    [
        ("nvidia-cuda-runtime-cu12", "12.4.127", "cuda"),
        ("nvidia-cuda-runtime", "13.0.96", "cuda"),
        ("nvidia-cudnn-cu12", "9.1.0.70", "cudnn"),
        ("tensorrt-cu12-libs", "10.3.0", "tensorrt"),
        ("tensorrt-lean-cu13-libs", "11.1.0", "tensorrt-lean"),
        ("tensorrt-dispatch-cu13-libs", "11.1.0", "tensorrt-dispatch"),
        ("onnxruntime-gpu", "1.31.1", "onnxruntime"),
        ("transformers", "5.23.0", "transformers"),
    ],
)
def test_what_pip_installs(site: Site, distribution: str, version: str, name: str) -> None:
    site.install(distribution, version)

    assert site.scan() == (Library(name=name, version=version, source=f"distribution metadata of {distribution}"),)


def test_the_same_library_twice_is_told_twice(site: Site) -> None:
    site.install("nvidia-cudnn-cu12", "9.1.0.70")
    lib = site.root / "usr/local/cuda/lib64"
    lib.mkdir(parents=True)
    (lib / "libcudnn.so.9.5.1").touch()

    assert [(one.name, one.version, one.source) for one in site.scan()] == [
        ("cudnn", "9.1.0.70", "distribution metadata of nvidia-cudnn-cu12"),
        ("cudnn", "9.5.1", str(lib / "libcudnn.so.9.5.1")),
    ]


def test_toolkits_state_their_version(site: Site, monkeypatch) -> None:
    places = [site.root / "usr/local/cuda", site.root / "opt/cuda-12.8"]
    for place, version in zip(places, ("12.4.1", "12.8.0"), strict=True):
        place.mkdir(parents=True)
        (place / "version.json").write_text(json.dumps({"cuda": {"name": "CUDA SDK", "version": version}}))
    monkeypatch.setenv("CUDA_HOME", str(places[1]))
    monkeypatch.setenv("CUDA_PATH", str(places[1]))

    assert [(one.version, one.source) for one in site.scan()] == [
        ("12.8.0", str(places[1] / "version.json")),
        ("12.4.1", str(places[0] / "version.json")),
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cuda": "12"}'])
def test_a_toolkit_with_another_kind_of_file(site: Site, text: str) -> None:
    (site.root / "usr/local/cuda").mkdir(parents=True)
    (site.root / "usr/local/cuda/version.json").write_text(text)

    assert site.scan() == ()


@pytest.mark.parametrize(
    ("versions", "build"),
    [({}, "CPU"), ({"cuda": "12.4"}, "CUDA 12.4"), ({"hip": "6.1.40091"}, "ROCm 6.1.40091")],
)
def test_torch_and_what_it_was_built_for(site: Site, versions: dict[str, str], build: str) -> None:
    site.install("torch", "2.13.0+cpu")
    file = site.install_torch("2.13.0+cpu", **versions)
    (torch,) = site.scan()

    assert (torch.name, torch.version, torch.details) == ("torch", "2.13.0+cpu", {"build": build})
    assert torch.source == f"distribution metadata of torch, {file}"


def test_torch_without_metadata(site: Site) -> None:
    file = site.install_torch("2.4.0a0+f70bd71a48.nv24.6", cuda="12.5")
    (torch,) = site.scan()

    assert (torch.version, torch.source) == ("2.4.0a0+f70bd71a48.nv24.6", str(file))


def test_torch_of_which_only_metadata_is_left(site: Site) -> None:
    site.install("torch", "2.13.0")
    (torch,) = site.scan()

    assert (torch.version, torch.source, torch.details) == ("2.13.0", "distribution metadata of torch", {})


def test_one_torch_installed_over_another(site: Site) -> None:
    site.install("torch", "2.13.0")
    site.install_torch("2.9.1", cuda="12.8")
    (torch,) = site.scan()

    assert torch.details == {"build": "CUDA 12.8", "files": "those of 2.9.1"}


def test_nothing_installed(site: Site) -> None:
    assert site.scan() == ()


def test_a_disk_that_hangs_is_a_reason_and_not_a_hang(site: Site, monkeypatch) -> None:
    release = threading.Event()
    monkeypatch.setenv("INFERENCE_MODELS_PROBE_TIMEOUT", "0.05")
    monkeypatch.setattr(
        "inference_models.environment.libraries.find_shared_libraries", lambda root: {"cuda": release.wait() and []}
    )
    scan = scan_libraries(site.root, [])
    release.set()

    assert scan.libraries == ()
    assert "did not answer within 0.05 s" in scan.problem


def test_this_machine() -> None:
    libraries = {one.name: one for one in scan_libraries().libraries}

    if "torch" in libraries:
        import torch

        assert libraries["torch"].version == torch.__version__
        expected = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
        assert torch.version.hip or libraries["torch"].details["build"] == expected
