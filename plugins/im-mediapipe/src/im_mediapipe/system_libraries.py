"""Which shared libraries of the system are missing, and which packages bring them. Nothing is loaded or started."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# What the packages are called by the distributions, as os-release names them.
_INSTALL = {
    "debian": "apt-get install",
    "fedora": "dnf install",
    "suse": "zypper install",
    "arch": "pacman -S",
}
_PACKAGES = {
    "libEGL.so.1": {"debian": "libegl1", "fedora": "libglvnd-egl", "suse": "libEGL1", "arch": "libglvnd"},
    "libGLESv2.so.2": {"debian": "libgles2", "fedora": "libglvnd-gles", "suse": "libGLESv2-2", "arch": "libglvnd"},
    "libGL.so.1": {"debian": "libgl1", "fedora": "libglvnd-glx", "suse": "libGL1", "arch": "libglvnd"},
    "libgthread-2.0.so.0": {"debian": "libglib2.0-0", "fedora": "glib2", "suse": "libgthread-2_0-0", "arch": "glib2"},
}
_LIKE = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse"}
_DIRECTORIES = ("lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib")


def missing_libraries(names: Iterable[str], root: Path = Path("/")) -> list[str]:
    """Return those of `names` that the loader of a Linux system would not find.

    Args:
        names: of files, for example "libGL.so.1".
        root: where `etc` and `usr` are looked for; another than "/" is for tests.
    """
    cached = _cached(root)
    directories = list(_directories(root))
    return [
        name
        for name in names
        if not any(path.exists() for path in cached.get(name, ()))
        and not any((directory / name).exists() for directory in directories)
    ]


def how_to_install(libraries: Iterable[str], root: Path = Path("/")) -> str:
    """Return what to do about missing `libraries`, with the command of the system's package manager where known."""
    libraries = list(libraries)
    family = _family(root)
    if family is None:
        return f"install the system packages that hold {', '.join(libraries)}"
    packages = dict.fromkeys(_PACKAGES[library][family] for library in libraries)
    return f"{_INSTALL[family]} {' '.join(packages)}"


def _cached(root: Path) -> dict[str, list[Path]]:
    """Return what /etc/ld.so.cache knows, by file name. Its paths are plain text between NULs, whatever its version."""
    try:
        cache = (root / "etc/ld.so.cache").read_bytes()
    except OSError:  # another C library, or a container without one
        return {}
    found: dict[str, list[Path]] = {}
    for path in re.findall(rb"/[^\0]+(?=\0)", cache):
        text = os.fsdecode(path)
        found.setdefault(text.rpartition("/")[2], []).append(root / text.lstrip("/"))
    return found


def _directories(root: Path) -> Iterator[Path]:
    yield from (Path(entry) for entry in os.environ.get("LD_LIBRARY_PATH", "").split(":") if entry)
    if root == Path("/"):
        yield Path(sys.prefix, "lib")  # where conda keeps its own
    for directory in _DIRECTORIES:
        yield root / directory
        yield from (root / directory).glob("*-linux-gnu*")


def _family(root: Path) -> str | None:
    try:
        text = (root / "etc/os-release").read_text("utf-8", errors="replace")
    except OSError:
        return None
    values = dict(re.findall(r"^(ID|ID_LIKE)=[\"']?([^\"'\n]*)", text, re.MULTILINE))
    names = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".split()
    return next((family for name in names if (family := _LIKE.get(name, name)) in _INSTALL), None)
