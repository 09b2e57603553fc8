"""Whether the torchvision beside torch can work, read from its files.

One that was built for another torch does not import. Archives that use its operators do not load then, and libraries
that use it where they find it, such as transformers, break with it.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from attrs import frozen

# What a build for CUDA needs of torch, and a build of torch for the CPU does not have.
_CUDA_LIBRARY = b"libc10_cuda"


@frozen
class TorchVision:
    """What is known about an installed torchvision.

    Attributes:
        version: None when it is not installed.
        problem: why it cannot work beside the installed torch; None when nothing speaks against it.
        fix: what to do about that.
    """

    version: str | None = None
    problem: str | None = None
    fix: str | None = None


def examine_torchvision(directory: Path | None, torch: Path, torch_version: str | None) -> TorchVision:
    """Return what is known about torchvision.

    Args:
        directory: of the import package; None when it is not installed.
        torch: the directory of torch.
        torch_version: the version of torch.
    """
    if directory is None:
        return TorchVision()
    version, needed = _metadata(directory)
    here = f"torch {torch_version}"
    if needed and torch_version and needed != _without_build(torch_version):
        problem = f"torchvision {version} is made for torch {needed} and does not work with {here}"
    elif _is_for_cuda(directory) and not any((torch / "lib").glob("*c10_cuda*")):
        problem = f"torchvision {version} is a build for CUDA and does not work with {here}, which is not"
    else:
        return TorchVision(version)
    return TorchVision(version, problem, "Install the one that matches, or uninstall it if nothing needs it.")


def _metadata(directory: Path) -> tuple[str | None, str | None]:
    """Return the version of torchvision, and the version of torch that it insists on."""
    for file in sorted(directory.parent.glob("torchvision-*.dist-info/METADATA")):
        try:
            text = file.read_text("utf-8", errors="replace").partition("\n\n")[0]
        except OSError:  # half uninstalled; the next one may be whole
            continue
        version = re.search(r"^Version: (\S+)", text, re.MULTILINE)
        needed = re.search(r"^Requires-Dist: torch\s*\(?==\s*([\w.!+]+)", text, re.MULTILINE)
        return version and version[1], needed and _without_build(needed[1])
    return None, None


def _without_build(version: str) -> str:
    return version.partition("+")[0]


def _is_for_cuda(directory: Path) -> bool:
    for library in sorted(directory.glob("_C*")):
        try:
            with library.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as contents:
                if contents.find(_CUDA_LIBRARY) >= 0:
                    return True
        except (OSError, ValueError):  # unreadable or empty: importing it will say so
            continue
    return False
