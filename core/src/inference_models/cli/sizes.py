"""Numbers of bytes as people write and read them: 1 kB is 1000 bytes, 1 KiB is 1024."""

from __future__ import annotations

import re

import click

_SIZE = re.compile(r"(?P<number>\d+(\.\d*)?)\s*(?P<prefix>[kmgt]?)(?P<binary>i?)b?", re.IGNORECASE)
_PREFIXES = ("", "k", "m", "g", "t")


def parse_size(text: str) -> int:
    """Return the number of bytes that `5GB`, `1.5 GiB` or `1000` stands for.

    Raises:
        click.BadParameter: it stands for none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["prefix"]):
        raise click.BadParameter(f"{text!r} is not a size; write for example 500MB, 5GB or 1.5GiB.")
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** _PREFIXES.index(match["prefix"].lower()))


def format_size(size: int) -> str:
    """Return a number of bytes with at most four characters and a unit."""
    value, prefix = float(size), ""
    for following in ("k", "M", "G", "T"):
        if value < 999.5:
            break
        value, prefix = value / 1000, following
    digits = 1 if prefix and value < 9.95 else 0
    return f"{value:.{digits}f} {prefix}B"
