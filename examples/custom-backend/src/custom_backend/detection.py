"""Which OpenVINO is installed and what it can do, read from its files: importing it takes half a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version

INSTALL = 'pip install "openvino>=2026.2"'
OLDEST = (2026, 2)

# Both install the import package `openvino`, over each other.
_DISTRIBUTIONS = ("openvino", "openvino-nightly")
_PLUGIN = re.compile(r"(?:lib)?openvino_(?:intel|arm)_(cpu|gpu|npu)_plugin\.(?:so|dll|dylib)")


def detect(search_path: Sequence[str] | None = None) -> dict[str, Any]:
    """Return what is known about the installed OpenVINO.

    Args:
        search_path: where to look; default: `sys.path`.

    Returns:
        "version", "distribution", "devices" (kinds that this build can drive; the device itself and its driver may
        still be missing), "source" (where that was read) and "warnings".

    Raises:
        BackendUnavailable: it is not installed, not completely, or too old.
    """
    versions = {name: installed_version(name, search_path) for name in _DISTRIBUTIONS}
    installed = {name: version for name, version in versions.items() if version is not None}
    directory = _find_package(search_path)
    if directory is None or not installed:
        raise BackendUnavailable("openvino is not installed", INSTALL)
    devices = _devices(directory / "libs")
    if not devices or not any(directory.glob("_pyopenvino*")):
        raise BackendUnavailable(
            f"openvino is installed incompletely: {directory} lacks the libraries of its devices",
            f"uninstall {' and '.join(installed)}, remove {directory}, then {INSTALL}",
        )
    distribution, version = next(iter(installed.items()))
    if release_of(version) < OLDEST:
        raise BackendUnavailable(f"{distribution} {version} is too old: it reads files outside of packages", INSTALL)
    return {
        "version": version,
        "distribution": distribution,
        "devices": devices,
        "source": f"metadata of {distribution}, files in {directory / 'libs'}",
        "warnings": _warnings(installed),
    }


def release_of(version: str) -> tuple[int, ...]:
    """Return (year, number) of a release such as "2026.4.1"; (0, 0) when it is no such text."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _find_package(search_path: Sequence[str] | None) -> Path | None:
    spec = PathFinder.find_spec("openvino", search_path)
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def _devices(libraries: Path) -> list[str]:
    names = [file.name for file in libraries.iterdir()] if libraries.is_dir() else []
    return sorted({match[1] for name in names if (match := _PLUGIN.fullmatch(name))})


def _warnings(installed: dict[str, str]) -> list[str]:
    if len(installed) < 2:
        return []
    return [f"{' and '.join(installed)} are installed over each other. Uninstall both, then install one."]
