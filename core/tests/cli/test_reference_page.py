"""The reference page names every command and option, and none that does not exist."""

from __future__ import annotations

import re

import click
import pytest

from inference_models.cli.application import im
from workspace import ROOT

PAGE = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")


def options(command: click.Command) -> set[str]:
    return {name for option in command.params if isinstance(option, click.Option) for name in option.opts}


def test_commands() -> None:
    assert re.findall(r"^## im (\w+)$", PAGE, flags=re.MULTILINE) == list(im.commands)


def test_options() -> None:
    documented = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert documented == set.union(*map(options, [im, *im.commands.values()])) | {"--help"}


@pytest.mark.parametrize("name", ["describe", "plugins", "doctor"])
def test_usage(name: str) -> None:
    usage = re.search(rf"^im {name} (.*)$", PAGE, flags=re.MULTILINE)
    assert usage is not None
    assert set(re.findall(r"--[a-z-]+", usage[1])) == options(im.commands[name])
