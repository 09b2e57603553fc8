"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

model_argument = click.argument("model")

provider_option = click.option(
    "--provider", "weights_provider", metavar="NAME", help="Where an id without NAME:// is looked up."
)

_LOADING_OPTIONS = (
    provider_option,
    click.option(
        "--backend", multiple=True, metavar="NAME", help="Consider only this backend. Repeat it, the preferred first."
    ),
    click.option("--device", metavar="NAME", help="Run there: cpu, cuda, cuda:1. Fails when it cannot be had."),
    click.option(
        "--quantization", multiple=True, metavar="NAME", help="Consider only this one: fp32, fp16, ... Repeatable."
    ),
    click.option("--package", "model_package_id", metavar="ID", help="Consider only the package with this id."),
    click.option(
        "--allow-untrusted-packages", is_flag=True, help="Also packages that their provider does not vouch for."
    ),
    click.option(
        "--download-files-without-hash", is_flag=True, help="Also packages whose provider states no hash of a file."
    ),
)


def loading_options(command: Command) -> Command:
    """Add the options that choose a package. They arrive as arguments of `AutoModel.from_pretrained`."""
    for option in reversed(_LOADING_OPTIONS):
        command = option(command)
    return command


def keep_given(options: dict[str, Any]) -> dict[str, Any]:
    """Return those options that were given; repeated ones as a list."""
    given = {name: value for name, value in options.items() if value not in (None, (), False)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def threshold(text: str) -> float | str:
    """Parse a number, or a word that models take for one. The model checks the range.

    Raises:
        click.BadParameter: it is neither.
    """
    if text in {"best", "default"}:
        return text
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number; 'best' and 'default' are allowed too.") from None
