"""Which ONNX Runtime is installed and what it can do, read from its files: importing it takes too long to ask."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version

INSTALL_CPU = 'pip install "im-backend-onnx[cpu]"'
INSTALL_GPU = 'pip install "im-backend-onnx[gpu]" after uninstalling every other onnxruntime distribution'

# All of them install the import package `onnxruntime`, over each other.
DISTRIBUTIONS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
    "onnxruntime-training",
    "onnxruntime-training-cpu",
    "onnxruntime-silicon",
    "onnxruntime-azure",
    "onnxruntime-cann",
    "onnxruntime-dnnl",
    "onnxruntime-vitisai",
    "onnxruntime-trt-rtx",
    "onnxruntime-windowsml",
    "ort-nightly",
    "ort-nightly-gpu",
    "ort-nightly-directml",
)

# A provider that is built as a library of its own shows by that library's name, in the order in which
# ONNX Runtime itself lists the providers.
_LIBRARIES = {
    "nv_tensorrt_rtx": "NvTensorRTRTXExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "dnnl": "DnnlExecutionProvider",
    "vitisai": "VitisAIExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "cann": "CANNExecutionProvider",
}

# The first release that runs an operator set of ONNX. Up to 1.20 as in ONNX Runtime's own table
# (https://onnxruntime.ai/docs/reference/compatibility.html), from 1.19 on tried by loading a model of each
# operator set. A release newer than the last one tried is not assumed to be limited.
_FIRST_WITH_OPSET = (
    ((1, 25), 26),
    ((1, 24), 25),
    ((1, 23), 23),
    ((1, 21), 22),
    ((1, 18), 21),
    ((1, 17), 20),
    ((1, 15), 19),
    ((1, 14), 18),
    ((1, 12), 17),
    ((1, 11), 16),
    ((1, 9), 15),
    ((1, 8), 14),
    ((1, 6), 13),
)
_NEWEST_TRIED = (1, 31)

_BUILD_FILE = "build_and_package_info.py"


def detect(search_path: Sequence[str] | None = None, platform: str = sys.platform) -> dict[str, Any]:
    """Return what is known about the installed ONNX Runtime.

    Args:
        search_path: where to look; default: `sys.path`.
        platform: as `sys.platform`.

    Returns:
        "version", "distribution" (whose files are in place), "execution_providers" (that this build has; a
        device and its driver may still be missing), "cuda" (the version of CUDA that it is built for),
        "max_opset" (the newest ONNX operator set that it runs; None when it is newer than this plugin's
        knowledge), "source" (where that was read) and "warnings".

    Raises:
        BackendUnavailable: it is not installed, or not completely.
    """
    directory = find_package(search_path)
    names = _installed_distributions(search_path)
    if directory is None:
        raise BackendUnavailable("onnxruntime is not installed", INSTALL_CPU)
    libraries = directory / "capi"
    if not any(libraries.glob("onnxruntime_pybind11_state*")):
        raise BackendUnavailable(
            f"onnxruntime is installed incompletely: {libraries} has no onnxruntime_pybind11_state",
            f"uninstall {' and '.join(names) or 'onnxruntime'}, remove {directory}, then {INSTALL_CPU}",
        )
    built_as, version = _build_information(libraries)
    distribution = built_as or (next(iter(names)) if len(names) == 1 else None)
    version = version or names.get(distribution or "") or _stated_version(directory)
    return {
        "version": version,
        "distribution": distribution,
        "execution_providers": _execution_providers(libraries, platform),
        "cuda": _assigned("cuda_version", _read(libraries / _BUILD_FILE)),
        "max_opset": max_opset(version),
        "source": f"files in {libraries}",
        "warnings": _warnings(names, distribution),
    }


def find_package(search_path: Sequence[str] | None = None) -> Path | None:
    """Return the directory of the import package `onnxruntime`, without importing it; None without one."""
    spec = PathFinder.find_spec("onnxruntime", search_path)
    if spec is None and search_path is None:
        from importlib.util import find_spec  # knows importers that are no part of the path, such as editable ones

        try:
            spec = find_spec("onnxruntime")
        except ValueError:  # somebody put a module without a spec into sys.modules
            spec = None
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def max_opset(version: str | None) -> int | None:
    """Return the newest ONNX operator set that a release runs; None when no limit is known."""
    match = re.match(r"(\d+)\.(\d+)", version or "")
    if match is None:
        return None
    release = (int(match[1]), int(match[2]))
    if release > _NEWEST_TRIED:
        return None
    return next((opset for first, opset in _FIRST_WITH_OPSET if release >= first), 12)


def _installed_distributions(search_path: Sequence[str] | None) -> dict[str, str]:
    """Return the versions of the installed distributions of ONNX Runtime, by name."""
    versions = {name: installed_version(name, search_path) for name in DISTRIBUTIONS}
    return {name: version for name, version in versions.items() if version is not None}


def _build_information(libraries: Path) -> tuple[str | None, str | None]:
    """Return (distribution, version) as the build wrote them beside its libraries.

    Of two distributions installed over each other, this tells whose files are there.
    """
    text = _read(libraries / _BUILD_FILE)
    return _assigned("package_name", text), _assigned("__version__", text)


def _stated_version(directory: Path) -> str | None:
    return _assigned("__version__", _read(directory / "__init__.py"))


def _assigned(name: str, text: str) -> str | None:
    match = re.search(rf"^{name}\s*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return match[1] if match else None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:  # not every release has the file
        return ""


def _execution_providers(libraries: Path, platform: str) -> list[str]:
    names = [file.name.lower() for file in libraries.iterdir()]
    parts = {match[1] for name in names if (match := re.match(r"(?:lib)?onnxruntime_providers_(\w+)\.", name))}
    found = [provider for library, provider in _LIBRARIES.items() if library in parts]
    if "directml.dll" in names:
        found.append("DmlExecutionProvider")
    if "qnnhtp.dll" in names and "QNNExecutionProvider" not in found:
        found.append("QNNExecutionProvider")
    if platform == "darwin":  # every build for macOS has it inside the main library
        found.append("CoreMLExecutionProvider")
    return [*found, "CPUExecutionProvider"]


def _warnings(names: Iterable[str], distribution: str | None) -> list[str]:
    listed = sorted(names)
    if len(listed) < 2:
        return []
    return [
        f"{' and '.join(listed)} are installed over each other; the files in place are those of "
        f"{distribution or 'one of them'}. Uninstall all of them, then install one."
    ]
