"""Versions as NVIDIA writes them: numbers with dots."""

from __future__ import annotations

import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, ...]


def parse_version(text: object) -> Version:
    """Return the numbers that a version begins with: (10, 12, 0, 36) for "10.12.0.36"; none where there are none."""
    match = re.match(r"\d+(?:\.\d+)*", text) if isinstance(text, str) else None
    return tuple(map(int, match[0].split("."))) if match else ()


def is_version(text: str) -> bool:
    """Return whether a text is nothing but a version."""
    return re.fullmatch(r"\d+(?:\.\d+)*", text) is not None


def agree(one: Version, other: Version) -> bool:
    """Return whether two versions are equal as far as both are stated: Debian's packages leave the build number out."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]
