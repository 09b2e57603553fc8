"""Where the loader would find shared libraries, and which versions their file names state. Nothing is loaded.

`ctypes.util.find_library` starts ldconfig and a compiler to find out; that takes longer than all else in a report.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_STEMS = {
    "cudart": "cuda",
    "cudnn": "cudnn",
    "nvinfer": "tensorrt",
    "nvinfer_lean": "tensorrt-lean",
    "nvinfer_dispatch": "tensorrt-dispatch",
}
# libcudnn.so.9 on Linux; cudnn64_9.dll and nvinfer_10.dll on Windows.
_FILE = re.compile(rf"(?:lib)?({'|'.join(_STEMS)})(?:\.so\.(\d[\d.]*)|(?:64)?_(\d+)\.dll)", re.IGNORECASE)


def find_shared_libraries(root: Path = Path("/")) -> Mapping[str, list[tuple[str, Path]]]:
    """Return (version, path) of each file that the loader may find, in the order in which it looks.

    Args:
        root: where `etc` and `usr` are looked for; another than "/" is for tests.

    Returns:
        By name: "cuda" (the runtime), "cudnn", "tensorrt", "tensorrt-lean" or "tensorrt-dispatch".
    """
    found: dict[str, dict[Path, str]] = {}
    for path in (*_in_directories(root), *_in_loader_cache(root)):
        real = path.resolve()
        # The link names the major version, the file behind it all of it.
        match = _FILE.fullmatch(real.name) or _FILE.fullmatch(path.name)
        if match is not None and real.exists():
            found.setdefault(_STEMS[match[1].lower()], {}).setdefault(real, match[2] or match[3])
    return {name: [(version, path) for path, version in files.items()] for name, files in found.items()}


def _in_directories(root: Path) -> Iterator[Path]:
    variable = os.environ.get("PATH") if os.name == "nt" else os.environ.get("LD_LIBRARY_PATH")
    directories = [Path(entry) for entry in (variable or "").split(os.pathsep) if entry]
    for directory in dict.fromkeys([*directories, root / "usr/local/cuda/lib64"]):
        try:
            names = sorted(os.listdir(directory))  # noqa: PTH208 (names are enough, and there may be thousands)
        except OSError:  # such variables often name what does not exist
            continue
        yield from (directory / name for name in names if _FILE.fullmatch(name))


def _in_loader_cache(root: Path) -> Iterator[Path]:
    """Yield what /etc/ld.so.cache knows. Its paths are plain text between NULs, whatever its version."""
    try:
        cache = (root / "etc/ld.so.cache").read_bytes()
    except OSError:  # no glibc, or none of its caches in this container
        return
    for path in dict.fromkeys(re.findall(rb"/[^\0]+(?=\0)", cache)):
        text = os.fsdecode(path)
        if _FILE.fullmatch(text.rpartition("/")[2]):
            yield root / text.lstrip("/")
