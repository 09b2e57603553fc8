"""The program that asks CUDA, as a process of its own, over a CUDA driver library that a C compiler makes here."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from inference_models.environment.cuda_driver import ask_cuda

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

LIBRARY = r"""
#include <string.h>
#include <unistd.h>
int cuInit(unsigned flags) { ON_INIT; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int index) { *device = 10 + index; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, device == 10 ? "NVIDIA L4" : "Orin", length); return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 8 : attribute == 76 ? (device == 10 ? 9 : 7) : -1; return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)24 << 30; return device == 10 ? 0 : 1; }
int cuDeviceGetUuid(char *uuid, int device) { memset(uuid, 0xab, 16); return device == 10 ? 0 : 801; }
int cuGetErrorName(int error, const char **name) { *name = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; return error != 803; }
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that builds a library whose `cuInit` does what the test wants."""
    if COMPILER is None:
        pytest.skip("there is no C compiler")

    def build(on_init: str) -> None:
        source, target = tmp_path / "cuda.c", tmp_path / "libcuda.so.1"
        source.write_text(LIBRARY.replace("ON_INIT", on_init))
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
        monkeypatch.setattr("inference_models.environment.cuda_driver.LIBRARY", str(target))

    return build


def test_all_facts(library) -> None:
    library("return 0")

    assert ask_cuda(60) == {
        "cuda": 12040,
        "gpus": [
            {
                "name": "NVIDIA L4",
                "capability": [8, 9],
                "memory": 24 << 30,
                "uuid": "GPU-abababab-abab-abab-abab-abababababab",
            },
            {"name": "Orin", "capability": [8, 7], "memory": None, "uuid": None},
        ],
    }


def test_a_driver_without_a_visible_gpu(library) -> None:
    library("return 100")

    assert ask_cuda(60) == {"cuda": 12040, "gpus": []}


@pytest.mark.parametrize(("code", "name"), [(803, "803 (CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)"), (999, "999")])
def test_a_driver_that_refuses(library, code: int, name: str) -> None:
    library(f"return {code}")

    assert ask_cuda(60) == {"error": f"cuInit answers {name}"}


def test_a_driver_that_hangs_is_ended(library) -> None:
    library("sleep(600); return 0")
    started = time.perf_counter()

    assert "timed out" in ask_cuda(0.5)["error"]
    assert time.perf_counter() - started < 60


def test_a_driver_that_crashes_takes_nobody_with_it(library) -> None:
    library("*(volatile int *)0 = 1; return 0")

    assert "exit status -11" in ask_cuda(60)["error"]


def test_a_library_that_is_not_there(monkeypatch) -> None:
    monkeypatch.setattr("inference_models.environment.cuda_driver.LIBRARY", "libcuda-of-no-one.so.1")

    assert "libcuda-of-no-one.so.1 is not there" in ask_cuda(60)["error"]


def test_a_library_that_is_something_else(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("inference_models.environment.cuda_driver.LIBRARY", "libc.so.6")

    assert "cuInit" in ask_cuda(60)["error"]


@pytest.mark.parametrize("executable", ["THE PROGRAM", "", None])
def test_a_program_with_a_python_built_in_is_not_started_again(
    library, tmp_path: Path, monkeypatch, executable
) -> None:
    library("return 0")
    program, mark = tmp_path / "program", tmp_path / "it-was-started"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program) if executable else executable)
    if executable:
        monkeypatch.setattr("sys.frozen", True, raising=False)  # as PyInstaller and its like set it

    assert "this program has its own built in" in ask_cuda(60)["error"]
    assert not mark.exists()


def test_a_python_that_cannot_be_started(library, monkeypatch) -> None:
    library("return 0")
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    assert "/nowhere/python" in ask_cuda(60)["error"]
