"""Which torch is installed and for what it was built, read from its files: importing it takes a second or more."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from im_backend_torch.torchvision_files import examine_torchvision
from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version

INSTALL = 'pip install "im-backend-torch[torch]"'
INSTALL_CUDA = "install a build of torch with CUDA, as https://pytorch.org/get-started/locally says"
OLDEST = (2, 6)
"""Before, `torch.load(weights_only=True)` could be made to run code (CVE-2025-32434)."""


def detect(search_path: Sequence[str] | None = None, machine: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return what is known about the installed torch.

    Args:
        search_path: where to look; default: `sys.path`.
        machine: (`sys.platform`, `platform.machine()`); default: this machine's.

    Returns:
        "version"; "cuda" and "rocm" (the versions that the build is for, None for neither); "device_types" (what the
        build can do; a device and its driver may still be missing); "torchvision" (its version, None without one that
        works); "torchvision_problem" (what is wrong with one that does not); "source" (where that was read) and
        "warnings".

    Raises:
        BackendUnavailable: it is not installed, not completely, or too old.
    """
    directory = find_package("torch", search_path)
    if directory is None:
        raise BackendUnavailable("torch is not installed", INSTALL)
    if not any(directory.glob("_C.*")):
        raise BackendUnavailable(
            f"torch is installed incompletely: {directory} has no _C module",
            f"uninstall torch, remove {directory}, then {INSTALL}",
        )
    built = _read(directory / "version.py")
    version = _assigned("__version__", built) or installed_version("torch", search_path)
    if version is not None and release(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BackendUnavailable(
            f"torch {version} is too old: before {oldest}, a file of weights could run code when it was read",
            f'pip install "torch>={oldest}"',
        )
    cuda, rocm = _assigned("cuda", built), _assigned("hip", built)
    vision = examine_torchvision(find_package("torchvision", search_path), directory, version)
    return {
        "version": version,
        "cuda": cuda,
        "rocm": rocm,
        "device_types": _device_types(cuda or rocm, machine or (sys.platform, platform.machine())),
        "torchvision": None if vision.problem else vision.version,
        "torchvision_problem": vision.problem,
        "source": f"files in {directory}",
        "warnings": [f"{vision.problem}. {vision.fix}"] if vision.problem else [],
    }


def detect_torch_script() -> dict[str, Any]:
    """Return the same for TorchScript, which is a part of torch. What is broken is said once, of the backend torch."""
    return {**detect(), "warnings": []}


def find_package(name: str, search_path: Sequence[str] | None = None) -> Path | None:
    """Return the directory of an import package, without importing it; None when it is not installed."""
    spec = PathFinder.find_spec(name, search_path)
    if spec is None and search_path is None:
        from importlib.util import find_spec  # knows importers that are no part of the path, such as editable ones

        try:
            spec = find_spec(name)
        except ValueError:  # somebody put a module without a spec into sys.modules
            spec = None
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (2, 7, 0) for "2.7.0a0+git123"."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _device_types(cuda: str | None, machine: tuple[str, str]) -> list[str]:
    found = ["cpu"]
    if cuda:  # builds for ROCm call their devices cuda, too
        found.append("cuda")
    if machine == ("darwin", "arm64"):
        found.append("mps")
    return found


def _assigned(name: str, text: str) -> str | None:
    match = re.search(rf"^{name}(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return match[1] if match else None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:  # nothing is known then but the version in the metadata
        return ""
