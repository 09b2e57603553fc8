"""Wheels, and virtual environments that have nothing but what is installed into them. For releases and tests."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

from workspace import ROOT

# What could lead back to the source tree, or to the settings of whoever runs the tests.
_OURS = ("PYTHON", "COV_", "VIRTUAL", "INFERENCE_")


class CommandFailedError(Exception):
    """A command failed; the message holds all that it printed."""


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command with `variables` and without ours, and return its output. Raises: CommandFailedError."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | variables, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise CommandFailedError(f"{' '.join(map(str, command))} failed:\n{result.stdout}\n{result.stderr}")
    return result.stdout


def build_wheels(folder: Path, projects: Iterable[Path]) -> dict[str, Path]:
    """Build the projects in some directories into `folder` and return their wheels by the distributions' names."""
    for project in projects:
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=project)
    return {wheel.name.partition("-")[0].replace("_", "-"): wheel for wheel in folder.glob("*.whl")}


def create_environment(home: Path, *requirements: str | Path) -> Path:
    """Make a virtual environment, install into it, and return the folder of its commands."""
    # The pip that is here installs into it: unpacking another one takes longer than all of ours.
    venv.create(home)
    commands = home / ("Scripts" if os.name == "nt" else "bin")
    options = ["--no-compile", "-qq", "-c", str(ROOT / "constraints.txt")]
    run(*pip_for(commands), "install", *options, *requirements, cwd=home)
    run(*pip_for(commands), "check", cwd=home)
    return commands


def pip_for(commands: Path) -> list[str | Path]:
    """Return the command that starts pip on the environment whose commands are in a folder."""
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", commands / "python"]
