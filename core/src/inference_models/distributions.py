"""Names and versions of installed distributions, without parsing all of their metadata.

`importlib_metadata` reads a distribution's whole METADATA with the standard library's mail parser. Importing that
parser takes longer than everything else that finding a version does, so the two headers are read by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from importlib_metadata import Distribution


class _HasText(Protocol):
    def read_text(self, filename: Any, /) -> str | None: ...


def read_name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Return what a distribution's metadata states.

    Raises:
        ValueError: the metadata is missing, or states no name or version.
    """
    # Core metadata specification: headers as in a mail, ended by an empty line; names in any case.
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    headers = text.partition("\n\n")[0].splitlines()
    found = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in headers)}
    if not found.get("name") or not found.get("version"):
        raise ValueError("METADATA states no name or version")
    return found["name"], found["version"]


def read_license(distribution: _HasText) -> str | None:
    """Return the licence of a distribution's code as its metadata states it; None when it states none in one line.

    That is `License-Expression`, an SPDX expression (PEP 639), or else `License`, in which anything may stand. Trove
    classifiers are not read: most name a family of licences.
    """
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    lines = text.partition("\n\n")[0].splitlines()
    found: dict[str, str] = {}
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        key, _, value = line.partition(":")
        if not following.startswith((" ", "\t")):  # else it is the text of a licence, or a part of it
            found.setdefault(key.lower(), value.strip())
    stated = found.get("license-expression") or found.get("license") or ""
    return None if stated in {"", "UNKNOWN"} else stated


def canonical_name(name: str) -> str:
    """Return `name` as names are compared: lower case, one `-` for any of `-_.` (PEP 503)."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def existing_entries() -> list[str]:
    """Return the entries of `sys.path` that exist.

    For one that does not, such as the archive of the standard library that is always listed and seldom there,
    `importlib_metadata` would import its reader of archives, to find nothing with it.
    """
    return [entry for entry in sys.path if Path(entry).exists()]


def installed_version(name: str, search_path: Sequence[str] | None = None) -> str | None:
    """Return the version of an installed distribution; None when it is not installed.

    Args:
        name: of the distribution, in any spelling.
        search_path: where to look instead of `sys.path`.

    Returns:
        The version, "unknown" when the metadata is damaged, as a half-finished uninstall leaves it behind.
    """
    from importlib_metadata import Distribution

    where = existing_entries() if search_path is None else list(search_path)
    for distribution in Distribution.discover(name=name, path=where):
        try:
            return read_name_and_version(distribution)[1]
        except (ValueError, OSError):
            return "unknown"
    return None
