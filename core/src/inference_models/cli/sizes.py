"""Numbers of bytes as people write and read them: 1 kB is 1000 bytes, 1 KiB is 1024."""

from __future__ import annotations

import click

from inference_models import parsing


def parse_size(text: str) -> int:
    """Return the number of bytes that `5GB`, `1.5 GiB` or `1000` stands for.

    Raises:
        click.BadParameter: it stands for none.
    """
    try:
        return parsing.parse_size(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} cannot be used: write {error}.") from None


def format_size(size: int) -> str:
    """Return a number of bytes with at most four characters and a unit."""
    value, prefix = float(size), ""
    for following in ("k", "M", "G", "T"):
        if value < 999.5:
            break
        value, prefix = value / 1000, following
    digits = 1 if prefix and value < 9.95 else 0
    return f"{value:.{digits}f} {prefix}B"
