"""Wheels, and virtual environments that have nothing but what is installed into them. For tests."""

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


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command with `variables` and without ours, and return its output. Raises: AssertionError when it fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | variables, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise AssertionError(f"{command}\n{result.stdout}\n{result.stderr}")
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
    options = ["--disable-pip-version-check", "--no-compile", "-qq", "-c", str(ROOT / "constraints.txt")]
    run(sys.executable, "-m", "pip", "--python", commands / "python", "install", *options, *requirements, cwd=home)
    return commands
