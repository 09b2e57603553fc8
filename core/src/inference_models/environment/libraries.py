"""CUDA, cuDNN, TensorRT and the frameworks: which versions are installed, read from files, without loading any."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from attrs import field, frozen

from inference_models.configuration import PROBE_TIMEOUT
from inference_models.distributions import installed_version
from inference_models.environment.deadline import within
from inference_models.environment.host import DISTRIBUTION_METADATA, ONNX_RUNTIMES
from inference_models.environment.shared_libraries import find_shared_libraries

# What pip installs each of them as.
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "cuda": ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu11"),
    "cudnn": ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12", "nvidia-cudnn-cu11"),
    "tensorrt": ("tensorrt-cu13-libs", "tensorrt-cu12-libs", "tensorrt-cu11-libs", "tensorrt-libs"),
    "tensorrt-lean": ("tensorrt-lean-cu13-libs", "tensorrt-lean-cu12-libs", "tensorrt-lean-cu11-libs"),
    "tensorrt-dispatch": (
        "tensorrt-dispatch-cu13-libs",
        "tensorrt-dispatch-cu12-libs",
        "tensorrt-dispatch-cu11-libs",
    ),
    "onnxruntime": ONNX_RUNTIMES,
    "transformers": ("transformers",),
}


@frozen(kw_only=True)
class Library:
    """One installation of a library that backends build on. The same one may be installed several times.

    Attributes:
        name: "cuda" (the runtime library), "cudnn", "tensorrt", "tensorrt-lean", "tensorrt-dispatch", "torch",
            "onnxruntime" or "transformers".
        version: as far as it is known, for example "9.1.0", or "9" where only the file's name tells.
        source: where that was read.
        details: more about it; for torch "build": "CPU", or for example "CUDA 12.4".
    """

    name: str
    version: str
    source: str
    details: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class LibraryScan:
    """What looking for libraries found.

    Attributes:
        libraries: those that are installed, those that pip installed first.
        problem: why they are not known; None when all is well.
    """

    libraries: tuple[Library, ...] = ()
    problem: str | None = None


def scan_libraries(root: Path = Path("/"), search_path: Sequence[str] | None = None) -> LibraryScan:
    """Look for libraries. A disk that hangs is the `problem` of the result.

    Args:
        root: where the files of the system are looked for; another than "/" is for tests.
        search_path: where Python packages are looked for. None: `sys.path`.

    Raises:
        InvalidEnvVariable: INFERENCE_MODELS_PROBE_TIMEOUT is no number of seconds.
    """
    path = list(sys.path) if search_path is None else list(search_path)
    try:
        found = within(PROBE_TIMEOUT.get(), "the disk with the libraries", lambda: list(_libraries(root, path)))
    except (TimeoutError, OSError, RuntimeError) as error:
        return LibraryScan(problem=str(error))
    return LibraryScan(libraries=tuple(found))


def _libraries(root: Path, search_path: Sequence[str]) -> Iterator[Library]:
    entries = [entry for entry in search_path if Path(entry).exists()]
    shared = find_shared_libraries(root)
    for name in DISTRIBUTIONS:
        yield from _distributions(name, entries)
        if name == "cuda":
            yield from _toolkits(root)
        for version, path in shared.get(name, ()):
            yield Library(name=name, version=version, source=str(path))
    yield from _torch(entries)


def _distributions(name: str, entries: Sequence[str]) -> Iterator[Library]:
    for distribution in DISTRIBUTIONS[name]:
        version = installed_version(distribution, entries)
        if version is not None:
            yield Library(name=name, version=version, source=f"{DISTRIBUTION_METADATA} of {distribution}")


def _toolkits(root: Path) -> Iterator[Library]:
    """Yield the CUDA toolkits that state their version."""
    places = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), str(root / "usr/local/cuda")]
    for place in dict.fromkeys(filter(None, places)):
        file = Path(place, "version.json")
        try:
            version = json.loads(file.read_text("utf-8"))["cuda"]["version"]
        except (OSError, ValueError, KeyError, TypeError):  # none there, or older than 11.1
            continue
        yield Library(name="cuda", version=str(version), source=str(file))


def _torch(entries: Sequence[str]) -> Iterator[Library]:
    version = installed_version("torch", entries)
    file = _find_in_package("torch", "version.py", entries)
    text = "" if file is None else _read(file)
    stated = _assigned("__version__", text)
    if version is None and stated is None:
        return
    sources = [*([f"{DISTRIBUTION_METADATA} of torch"] if version else []), *([str(file)] if text else [])]
    details = {"build": _build(text)} if text else {}
    if version and stated and stated != version:  # one installed over the other
        details["files"] = f"those of {stated}"
    yield Library(name="torch", version=version or stated or "", source=", ".join(sources), details=details)


def _build(version_file: str) -> str:
    for attribute, name in (("cuda", "CUDA"), ("hip", "ROCm"), ("xpu", "XPU")):
        if number := _assigned(attribute, version_file):
            return f"{name} {number}"
    return "CPU"


def _assigned(name: str, text: str) -> str | None:
    match = re.search(rf"^{name}\s*(?::[^=]*)?=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return match[1] if match else None


def _find_in_package(package: str, name: str, entries: Sequence[str]) -> Path | None:
    spec = PathFinder.find_spec(package, list(entries))
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0], name) if places else None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
