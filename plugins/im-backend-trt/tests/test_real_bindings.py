"""The names and arguments that this plugin uses are those of the real TensorRT, and it is never reached without a GPU.

The lean runtime and the bindings of the full one come from the package index, a hundred megabytes and a few. Where pip
reaches none, these tests are skipped.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from enum import EnumMeta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import im_backend_trt
from im_backend_trt.detection import detect, find_runtimes
from inference_models.developer_tools import Environment
from inference_models.environment import Gpu

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64", reason="the wheels are for Linux on x86_64"
    ),
]

PROBE = Path(__file__).with_name("real_bindings.py")
SOURCE = Path(im_backend_trt.__file__).parent
# What the real module has to have for running engines; the lean runtime has no more.
RUNNING = {"Runtime", "ICudaEngine", "IExecutionContext", "ILogger", "DataType", "TensorIOMode", "TensorLocation"}
# Of what the stand-in has, what some versions lack. The plugin asks before it uses one of them.
ONLY_IN_10 = {"BuilderFlag.FP16", "NetworkDefinitionCreationFlag.EXPLICIT_BATCH"}
NOT_IN_10_0 = {"ICudaEngine.device_memory_size_v2"}


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=240, check=False)
    if run.returncode != 0:
        lines = (run.stderr.strip() or run.stdout.strip() or "no reason given").splitlines()
        pytest.skip(f"pip cannot get TensorRT from an index: {lines[-1]}")


@pytest.fixture(scope="session")
def lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the real lean runtime."""
    site = tmp_path_factory.mktemp("lean")
    pip("install", "-q", "--no-compile", "--target", str(site), "tensorrt-lean")
    return site


@pytest.fixture(scope="session", params=["==10.0.1", ">=10,<11", ">=11,<12"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the full bindings of TensorRT offer: the oldest, and the newest of each major version."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to make empty libraries with")
    site = tmp_path_factory.mktemp("full")
    major = 11 if "11,<12" in request.param else 10
    wanted = f"tensorrt-cu{major + 2}-bindings{request.param}"
    pip("install", "-q", "--no-compile", "--no-deps", "--only-binary", ":all:", "--target", str(site), wanted)
    make_empty_libraries(compiler, site, major)
    return probe(site, "tensorrt_bindings", LD_LIBRARY_PATH=str(site))


def make_empty_libraries(compiler: str, site: Path, major: int) -> None:
    """Make libraries with the functions of TensorRT that the bindings look up when they are loaded."""
    content = next(site.glob("tensorrt_bindings/tensorrt*.so")).read_bytes()
    names = set(
        re.findall(rb"\0((?:create|get|init)[A-Za-z]*(?:Infer|Onnx|Plugin)[A-Za-z]*(?:_INTERNAL)?)(?=\0)", content)
    )
    functions = "".join(f"void *{name.decode()}(void) {{ return 0; }}\n" for name in sorted(names))
    (site / "empty.c").write_text(functions)
    for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
        library = f"lib{name}.so.{major}"
        arguments = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{library}", "-o", str(site / library)]
        subprocess.run([compiler, *arguments, str(site / "empty.c")], check=True, timeout=60)


def probe(site: Path, module: str, **variables: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(PROBE), module],
        env={**os.environ, "PYTHONPATH": str(site), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    offered: dict[str, Any] = json.loads(run.stdout)
    return offered


def parameters(documentation: str, name: str) -> list[list[str]]:
    """Return the names of the parameters in each signature that pybind11 documents, without `self`."""
    found = []
    for signature in re.findall(rf"^(?:\d+\. )?{name}\((.*)\) -> ", documentation, re.MULTILINE):
        plain = re.sub(r"\[[^\]]*\]", "", signature)
        found.append([part.partition(":")[0].strip() for part in plain.split(", ")][1:])
    return found


def offered_by(fake: ModuleType) -> Iterator[tuple[str, type]]:
    """Yield the classes of the stand-in that stand for one of TensorRT."""
    for name, value in vars(fake).items():
        own = inspect.isclass(value) and value.__module__.startswith("tensorrt.")
        if own and not name.startswith("_") and name not in {"State", "MisuseError", "Profile"}:
            yield name, value


def differences(fake: ModuleType, real: dict[str, Any], only: set[str] | None = None) -> list[str]:
    """Return what the stand-in has and the real module has not, or with other arguments."""
    wrong = []
    for name, value in offered_by(fake):
        if only is not None and name not in only:
            continue
        if name not in real["classes"]:
            wrong.append(name)
        elif isinstance(value, EnumMeta):
            members = real["classes"][name]["members"]
            wrong += [f"{name}.{member}" for member in value.__members__ if member not in members]
        else:
            wrong += _different_methods(name, value, real["classes"][name]["attributes"])
    return wrong


def _different_methods(name: str, value: type, real: dict[str, str | None]) -> Iterator[str]:
    for attribute, own in vars(value).items():
        if attribute.startswith("_"):
            continue
        if attribute not in real:
            yield f"{name}.{attribute}"
        elif inspect.isfunction(own):
            mine = list(inspect.signature(own).parameters)[1:]
            theirs = parameters(real[attribute] or "", attribute)
            if mine not in [signature[: len(mine)] for signature in theirs]:
                yield f"{name}.{attribute}({', '.join(mine)}), really {theirs}"


def used_names() -> set[str]:
    """Return what the plugin's source takes from the module, as "Name" or "Name.MEMBER"."""
    found = set()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match = re.match(r"trt\.(\w+(?:\.\w+)*)", ast.unparse(node)) if isinstance(node, ast.Attribute) else None
            if match is not None:
                found.add(match[1].removesuffix(".__init__"))
    return found


def test_the_stand_in_has_nothing_that_the_full_tensorrt_lacks(fake, full: dict[str, Any]) -> None:
    expected = {"10": set(), "11": ONLY_IN_10}[full["version"][:2]]
    if full["version"].startswith("10.0."):
        expected = NOT_IN_10_0
        assert "device_memory_size" in full["classes"]["ICudaEngine"]["attributes"]
    assert set(differences(fake, full)) == expected


def test_the_plugin_uses_nothing_that_the_full_tensorrt_lacks(full: dict[str, Any]) -> None:
    names = used_names()
    assert {"Builder", "OnnxParser", "Runtime", "ILogger.ERROR", "TensorIOMode.INPUT"} <= names
    known = {*full["classes"], *full["functions"], "__version__"}
    for name, offered in full["classes"].items():
        known |= {f"{name}.{one}" for one in (*offered.get("members", ()), *offered.get("attributes", ()))}
    assert names - known - ONLY_IN_10 == set()


def test_running_an_engine_needs_nothing_that_the_lean_runtime_lacks(fake, lean: Path) -> None:
    real = probe(lean, "tensorrt_lean")
    assert differences(fake, real, only=RUNNING) == []
    assert "Builder" not in real["classes"]


def test_half_precision_is_asked_for_in_the_way_of_each_version(full: dict[str, Any]) -> None:
    has_flag = "FP16" in full["classes"]["BuilderFlag"]["members"]
    assert has_flag is full["version"].startswith("10.")


def test_the_real_lean_runtime_is_detected(lean: Path, install) -> None:
    [runtime] = find_runtimes([str(lean)])
    assert runtime.kind == "lean"
    gpu = Environment.from_facts(gpus=[Gpu(index=0, name="NVIDIA L4")])
    facts = detect([str(lean), *install({})], gpu)
    assert facts["version"] == runtime.version
    assert facts["cuda"] in {12, 13}


BARE = """
import tensorrt_lean
runtime = tensorrt_lean.Runtime(tensorrt_lean.Logger(tensorrt_lean.Logger.ERROR))
print("alive", flush=True)
runtime.deserialize_cuda_engine(open("engine.plan", "rb").read())
"""
OURS = """
import sys
from im_backend_trt.opening import open_session
from inference_models import DeviceUnavailableError
try:
    open_session(".", options={})
except DeviceUnavailableError as error:
    print(error.message, "tensorrt_lean" in sys.modules)
"""


OUR_CLASSES = """
import os
import threading
import tensorrt_lean as trt
from im_backend_trt.logs import log_of
from im_backend_trt.progress import make_monitor
told, stopped = [], threading.Event()
monitor = make_monitor(trt, lambda step, share=None: told.append(share), stopped)
assert isinstance(monitor, trt.IProgressMonitor)
monitor.phase_start("building", None, 2)
assert monitor.step_complete("building", 0)
stopped.set()
assert not monitor.step_complete("building", 1)
log = log_of(trt)
assert log_of(trt) is log
runtime = trt.Runtime(log)
print(told, log.drain(), flush=True)
os._exit(0)  # without a GPU, even letting go of the runtime would end the process
"""


def run_with(lean: Path, program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    (directory / "engine.plan").write_bytes(b"ftrt" + bytes(4096))
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(lean)},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
class TestWithoutGPU:
    def test_the_bare_runtime_ends_the_process(self, lean: Path, tmp_path: Path) -> None:
        run = run_with(lean, BARE, tmp_path)
        assert run.stdout.endswith("alive\n")
        assert run.returncode == -signal.SIGSEGV

    def test_this_backend_says_why_and_does_not_even_import_it(self, lean: Path, tmp_path: Path) -> None:
        run = run_with(lean, OURS, tmp_path)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("TensorRT cannot use a GPU: ")
        assert run.stdout.endswith("False\n")

    def test_the_real_runtime_talks_to_our_logger_and_takes_our_monitor(self, lean: Path, tmp_path: Path) -> None:
        run = run_with(lean, OUR_CLASSES, tmp_path)
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith("[0.0, 0.5, 1.0] [")
        assert "CUDA initialization failure" in run.stdout
