"""OpenVINO reports to a server when it is imported. Through this plugin it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCH = """
import sys

def watch(event, arguments):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "subprocess.", "os.fork", "os.posix_spawn")):
        print(event)

sys.addaudithook(watch)
"""
USE = """
from pathlib import Path
from custom_backend.compiler import compile_package
from custom_backend.opening import open_session
from inference_models.developer_tools import CompileOptions, ModelPackageMetadata

source, output = map(Path, sys.argv[1:])
package = ModelPackageMetadata(package_id="p", backend="onnx", directory=source)
compile_package(source, output, package=package, options=CompileOptions(), progress=lambda *_: None)
open_session(output).close()
assert "openvino" in sys.modules and "openvino_telemetry" not in sys.modules
"""


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home, outside of a CI, where OpenVINO reports nothing."""
    (tmp_path / "home").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "HOME": str(tmp_path / "home"), "USERPROFILE": str(tmp_path / "home")}


def test_nothing_is_sent_started_or_written(networks, user, tmp_path: Path) -> None:
    source = networks.write_onnx_package(tmp_path / "onnx", networks.linear())
    (tmp_path / "ir").mkdir()
    command = [sys.executable, "-c", WATCH + USE, str(source), str(tmp_path / "ir")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=user)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert list(Path(user["HOME"]).rglob("*")) == []


def test_what_others_import_afterwards_is_left_to_them() -> None:
    program = (
        "from custom_backend.network import import_openvino; import_openvino(); import_openvino()\n"
        "import importlib.util; print(importlib.util.find_spec('openvino_telemetry') is not None)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert run.stdout == "True\n"
