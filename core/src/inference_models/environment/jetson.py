"""NVIDIA Jetson modules: which one this is and which release of its Linux it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from inference_models.configuration import JETSON_MODULE, L4T_VERSION, RUNNING_ON_JETSON

# Longest first: "orin-nano" must not be taken for "nano", nor "xavier-nx" for "xavier".
_MODULES = (
    "agx-thor",
    "agx-orin",
    "orin-nano",
    "orin-nx",
    "agx-xavier",
    "xavier-nx",
    "tx2-nx",
    "tx2i",
    "tx2",
    "tx1",
    "tk1",
    "nano",
    "thor",
    "xavier",
    "orin",
)
_MODEL = "proc/device-tree/model"
_RELEASE_FILE = "etc/nv_tegra_release"
_RELEASE = re.compile(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)")


@frozen
class Jetson:
    """A Jetson module.

    Attributes:
        module: as packages name it, for example "nvidia-jetson-orin-nx"; None when it is not known.
        model: the board's own name, for example "NVIDIA Jetson Orin Nano Developer Kit".
        l4t_version: the release of Jetson Linux (Linux for Tegra), for example "36.4.3".
        sources: where each of the others was read, as far as it is known.
    """

    module: str | None = None
    model: str | None = None
    l4t_version: str | None = None
    sources: Mapping[str, str] = field(factory=dict, eq=False)


def find_jetson(root: Path = Path("/")) -> Jetson | None:
    """Return the Jetson module this is, None on any other machine.

    RUNNING_ON_JETSON, L4T_VERSION and JETSON_MODULE override what the files say: in containers they are
    often hidden.

    Args:
        root: where `etc` and `proc` are looked for; another than "/" is for tests.
    """
    model = _read(root / _MODEL).rstrip("\0\n ") or None
    version = parse_l4t_release(_read(root / _RELEASE_FILE))
    is_jetson = version is not None or (model is not None and "jetson" in model.lower())
    forced = RUNNING_ON_JETSON.get()
    if not (is_jetson if forced is None else forced):
        return None
    found = {
        "module": _first((JETSON_MODULE.get(), JETSON_MODULE.name), (module_name(model or ""), f"/{_MODEL}")),
        "model": _first((model, f"/{_MODEL}")),
        "l4t_version": _first((L4T_VERSION.get(), L4T_VERSION.name), (version, f"/{_RELEASE_FILE}")),
    }
    sources = {name: source for name, (value, source) in found.items() if value is not None}
    return Jetson(**{name: value for name, (value, _) in found.items()}, sources=sources)


def _first(*candidates: tuple[str | None, str]) -> tuple[str | None, str]:
    """Return the first (value, where it was read) that has a value."""
    return next((one for one in candidates if one[0]), (None, ""))


def parse_l4t_release(text: str) -> str | None:
    """Return the version in the text of /etc/nv_tegra_release, for example "36.4.3"; None when there is none."""
    match = _RELEASE.search(text)
    return f"{match[1]}.{match[2]}" if match else None


def module_name(model: str) -> str | None:
    """Return the module on a board by the board's name, for example "nvidia-jetson-orin-nx"."""
    words = "-".join(re.findall(r"[a-z0-9]+", model.lower()))
    found = next((module for module in _MODULES if f"-{module}-" in f"-{words}-"), None)
    return f"nvidia-jetson-{found}" if found else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:  # not a Jetson, or hidden from this container
        return ""
