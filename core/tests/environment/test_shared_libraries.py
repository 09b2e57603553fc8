from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference_models.environment.shared_libraries import find_shared_libraries

pytestmark = pytest.mark.skipif(os.name == "nt", reason="files and links as on Linux")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return tmp_path


def install(directory: Path, link: str, file: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / file).touch()
    if link != file:
        (directory / link).symlink_to(file)
    return directory / file


def write_loader_cache(root: Path, *paths: str) -> None:
    """Write what ldconfig does, as far as it matters: numbers, then names and paths, each ended by a NUL."""
    (root / "etc").mkdir(exist_ok=True)
    strings = b"".join(f"{path.rpartition('/')[2]}\0{path}\0".encode() for path in paths)
    (root / "etc/ld.so.cache").write_bytes(b"glibc-ld.so.cache1.1" + bytes(28) + b"\1\0\0\0\3" * 4 + strings)


def test_the_link_names_the_major_version_and_the_file_all_of_it(root: Path) -> None:
    lib = "usr/lib/x86_64-linux-gnu"
    files = [
        install(root / lib, "libcudart.so.12", "libcudart.so.12.4.127"),
        install(root / lib, "libcudnn.so.9", "libcudnn.so.9.1.0"),
        install(root / lib, "libnvinfer.so.10", "libnvinfer.so.10.3.0"),
        install(root / lib, "libnvinfer_lean.so.10", "libnvinfer_lean.so.10.3.0"),
        install(root / lib, "libnvinfer_dispatch.so.10", "libnvinfer_dispatch.so.10.3.0"),
    ]
    install(root / lib, "libcudnn_graph.so.9", "libcudnn_graph.so.9.1.0")
    names = [entry.name for entry in (root / lib).iterdir() if entry.is_symlink()]
    write_loader_cache(root, *(f"/{lib}/{name}" for name in names), f"/{lib}/libc.so.6")

    assert find_shared_libraries(root) == {
        "cuda": [("12.4.127", files[0])],
        "cudnn": [("9.1.0", files[1])],
        "tensorrt": [("10.3.0", files[2])],
        "tensorrt-lean": [("10.3.0", files[3])],
        "tensorrt-dispatch": [("10.3.0", files[4])],
    }


def test_the_path_of_the_loader_comes_first_and_each_file_counts_once(root: Path, monkeypatch) -> None:
    own = install(root / "opt/cudnn", "libcudnn.so.9", "libcudnn.so.9.5.1")
    system = install(root / "usr/lib", "libcudnn.so.9", "libcudnn.so.9.1.0")
    write_loader_cache(root, "/usr/lib/libcudnn.so.9", "/usr/lib/libcudnn.so.9")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{own.parent}:")

    assert find_shared_libraries(root)["cudnn"] == [("9.5.1", own), ("9.1.0", system)]


def test_the_toolkit_in_its_usual_place(root: Path) -> None:
    file = install(root / "usr/local/cuda/lib64", "libcudart.so.11.0", "libcudart.so.11.8.89")

    assert find_shared_libraries(root) == {"cuda": [("11.8.89", file)]}


def test_a_file_that_names_its_major_version_only(root: Path) -> None:
    file = install(root / "usr/local/cuda/lib64", "libcudart.so.13", "libcudart.so.13")

    assert find_shared_libraries(root) == {"cuda": [("13", file)]}


def test_links_that_lead_nowhere_are_no_library(root: Path) -> None:
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/libcudnn.so.9").symlink_to("libcudnn.so.9.1.0")
    write_loader_cache(root, "/usr/lib/libcudnn.so.9", "/gone/libcudart.so.12")

    assert find_shared_libraries(root) == {}


def test_a_system_without_any(root: Path) -> None:
    assert find_shared_libraries(root) == {}
