"""Which transformers and torch are installed, read from their metadata: importing them takes seconds."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from inference_models import BackendUnavailable
from inference_models.developer_tools import installed_version

INSTALL = 'pip install "im-backend-hf[torch]"'
OLDEST = {"transformers": (5, 5), "torch": (2, 6)}
"""Before 5.5, transformers has other ways to load. Before 2.6, reading a checkpoint of torch could run code."""

_WITH = ("tokenizers", "peft", "accelerate", "bitsandbytes")


def detect(search_path: Sequence[str] | None = None) -> dict[str, Any]:
    """Return what is known about the installed transformers.

    Args:
        search_path: where to look; default: `sys.path`.

    Returns:
        "version"; "torch" (its version); of "tokenizers", "peft", "accelerate" and "bitsandbytes" the version, None for
        what is not installed; "warnings", a list.

    Raises:
        BackendUnavailable: transformers or torch is not installed, or too old.
    """
    versions = {name: _required(name, search_path) for name in OLDEST}
    return {
        "version": versions["transformers"],
        "torch": versions["torch"],
        **{name: installed_version(name, search_path) for name in _WITH},
        "warnings": list(_torchvision_problems(versions["torch"], search_path)),
    }


def _required(name: str, search_path: Sequence[str] | None) -> str:
    version = installed_version(name, search_path)
    if version is None:
        raise BackendUnavailable(f"{name} is not installed", INSTALL)
    if release(version) and release(version) < OLDEST[name]:
        oldest = ".".join(map(str, OLDEST[name]))
        raise BackendUnavailable(f"{name} {version} is too old", f'pip install "{name}>={oldest}"')
    return version


def release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (5, 23, 0) for "5.23.0.dev1"; () when there is none."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _torchvision_problems(torch_version: str, search_path: Sequence[str] | None) -> Iterator[str]:
    """Yield why the installed torchvision cannot work: transformers uses it where it finds it, and breaks with it."""
    version = installed_version("torchvision", search_path)
    directory = _package("torchvision", search_path)
    if version is None or directory is None:
        return
    needed = _torch_that_it_needs(directory)
    here = f"torch {torch_version}"
    torch = _package("torch", search_path)
    if needed and release(needed) != release(torch_version):
        problem = f"torchvision {version} is made for torch {needed} and does not work with {here}"
    elif torch is not None and _is_for_cuda(directory) and not any((torch / "lib").glob("*c10_cuda*")):
        problem = f"torchvision {version} is a build for CUDA and does not work with {here}, which is not"
    else:
        return
    yield (
        f"{problem}, and transformers, which imports it where it is installed, breaks with it. Install the one that "
        f"matches, or uninstall it: the models of this backend do without."
    )


def _package(name: str, search_path: Sequence[str] | None) -> Path | None:
    spec = PathFinder.find_spec(name, search_path)
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None


def _torch_that_it_needs(directory: Path) -> str | None:
    for file in sorted(directory.parent.glob("torchvision-*.dist-info/METADATA")):
        text = file.read_text("utf-8", errors="replace").partition("\n\n")[0]
        if match := re.search(r"^Requires-Dist: torch\s*\(?==\s*([\w.!+]+)", text, re.MULTILINE):
            return match[1]
    return None


def _is_for_cuda(directory: Path) -> bool:
    for library in sorted(directory.glob("_C*")):
        try:
            with library.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as contents:
                if contents.find(b"libc10_cuda") >= 0:
                    return True
        except (OSError, ValueError):  # unreadable or empty: importing it will say so
            continue
    return False
