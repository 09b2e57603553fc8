"""Which MediaPipe is installed and whether it can be imported, read from files: importing it takes seconds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from im_mediapipe.system_libraries import how_to_install, missing_libraries
from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version

INSTALL = 'pip install "im-mediapipe[mediapipe]"'
OLDEST = (1, 2)

# All of them install the import package `cv2`, over each other.
OPENCV_DISTRIBUTIONS = (
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
)
# What `import mediapipe` and this plugin import beside OpenCV. An installation with --no-deps may lack them.
_NEEDED = ("certifi", "flatbuffers", "matplotlib", "numpy")
_LIBRARIES = ("libEGL.so.1", "libGLESv2.so.2")
_LIBRARIES_OF_OPENCV = ("libGL.so.1", "libgthread-2.0.so.0")


def detect(
    search_path: Sequence[str] | None = None, platform: str = sys.platform, root: Path = Path("/")
) -> dict[str, Any]:
    """Return what is known about the installed MediaPipe.

    Args:
        search_path: where to look; default: `sys.path`.
        platform: as `sys.platform`.
        root: where the system's libraries are looked for.

    Returns:
        "version", "opencv" (the distributions of it, with their versions), "opencv_build" (whose files are in place:
        "with a screen" or "headless"), "sends" (what MediaPipe sends where) and "warnings".

    Raises:
        BackendUnavailable: MediaPipe, or something that it needs, is missing or too old.
    """
    directory = _find_package("mediapipe", search_path)
    version = installed_version("mediapipe", search_path)
    if directory is None:
        raise BackendUnavailable("mediapipe is not installed", INSTALL)
    _require_tasks(directory, version)
    missing = [name for name in _NEEDED if _find_package(name, search_path) is None]
    if missing:
        raise BackendUnavailable(
            f"mediapipe is installed without {' and '.join(missing)}, which it imports",
            f"pip install {' '.join(missing)}",
        )
    headless = _require_opencv(search_path)
    if platform.startswith("linux"):
        _require_libraries(headless, root)
    return {
        "version": version or "unknown",
        "opencv": _opencv_distributions(search_path),
        "opencv_build": "headless" if headless else "with a screen",
        "sends": "usage statistics, to play.googleapis.com; MediaPipe has no switch for it",
        "warnings": list(_warnings(headless, search_path)),
    }


def _require_tasks(directory: Path, version: str | None) -> None:
    match = re.match(r"(\d+)\.(\d+)", version or "")
    if match is not None and (int(match[1]), int(match[2])) < OLDEST:
        raise BackendUnavailable(
            f"mediapipe {version} is too old: this plugin works with MediaPipe Tasks of 1.2 and later",
            'pip install "mediapipe>=1.2,<2"',
        )
    libraries = directory / "tasks" / "c"
    if not any(libraries.glob("*mediapipe.*")):
        raise BackendUnavailable(
            f"mediapipe is installed incompletely: {libraries} holds no library",
            f"uninstall mediapipe, remove {directory}, then {INSTALL}",
        )


def _require_opencv(search_path: Sequence[str] | None) -> bool:
    """Return whether the installed OpenCV does without a screen and its libraries."""
    directory = _find_package("cv2", search_path)
    if directory is None:
        raise BackendUnavailable("mediapipe imports OpenCV, and none is installed", "pip install opencv-contrib-python")
    if not any(directory.glob("cv2*.so")) and not any(directory.glob("cv2*.pyd")):
        names = " ".join(_opencv_distributions(search_path)) or "opencv-contrib-python"
        raise BackendUnavailable(
            f"OpenCV is installed incompletely: {directory} holds no library. Uninstalling one of two distributions of "
            f"it leaves that behind",
            f"pip uninstall {names}, then pip install one of them",
        )
    return re.search(r"^headless\s*=\s*True", _read(directory / "version.py"), re.MULTILINE) is not None


def _require_libraries(headless: bool, root: Path) -> None:
    needed = _LIBRARIES if headless else (*_LIBRARIES, *_LIBRARIES_OF_OPENCV)
    missing = missing_libraries(needed, root)
    if not missing:
        return
    fix = how_to_install(missing, root)
    if set(missing) <= set(_LIBRARIES_OF_OPENCV):
        fix += ", or put opencv-python-headless in the place of the OpenCV that is installed; it needs none of these"
    raise BackendUnavailable(f"shared libraries of the system are missing: {', '.join(missing)}", fix)


def _opencv_distributions(search_path: Sequence[str] | None) -> dict[str, str]:
    versions = {name: installed_version(name, search_path) for name in OPENCV_DISTRIBUTIONS}
    return {name: version for name, version in versions.items() if version is not None}


def _warnings(headless: bool, search_path: Sequence[str] | None) -> Iterator[str]:
    names = list(_opencv_distributions(search_path))
    if len(names) > 1:
        kind = "one without a screen (headless)" if headless else "one with a screen"
        yield (
            f"{' and '.join(names)} are installed over each other, in one directory `cv2`; the files in it are those "
            f"of {kind}. It works, and uninstalling either takes the files of the other away: uninstall all, then "
            f"install one"
        )


def _find_package(name: str, search_path: Sequence[str] | None) -> Path | None:
    """Return the directory of an import package, without importing it."""
    spec = PathFinder.find_spec(name, search_path)
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
