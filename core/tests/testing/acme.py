"""Installing copies of the plugin in `acme_models`, changed in one place or another."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import inference_models
from inference_models.testing import installed_plugin
from inference_models.testing.checks.running import Outcome, run_checks

SOURCE = Path(__file__).with_name("acme_models")
KEY = "open-sesame-1234"
METADATA = f"""Metadata-Version: 2.4
Name: acme-models
Version: 1.0
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: im-core>={inference_models.__version__}
"""

Changes = Mapping[str, tuple[str, str]]
"""By file name: a text in it, and what stands there instead."""


@contextmanager
def installed(directory: Path, changes: Changes | None = None, top: Changes | None = None) -> Iterator[Path]:
    """Install a copy. Besides the modules, "METADATA", "entry_points.txt" and "py.typed" can be changed.

    Args:
        directory: becomes an entry of `sys.path`.
        changes: what is changed.
        top: further changes, made first.
    """
    files = {path.name: path.read_text("utf-8") for path in SOURCE.glob("*.py")}
    files |= {"__init__.py": '"""A plugin that keeps to its contracts, but for what a test changed."""\n'}
    files |= {"METADATA": METADATA, "py.typed": "typed", "entry_points.txt": _entry_points()}
    for name, (old, new) in [*(top or {}).items(), *(changes or {}).items()]:
        assert old in files[name], f"{name} holds no {old!r}"
        files[name] = files[name].replace(old, new)
    package = directory / "acme_models"
    package.mkdir(parents=True)
    with installed_plugin(directory, "acme-models", ""):
        (directory / "acme_models.py").unlink()
        for name, text in files.items():
            place = directory / "acme_models-1.0.dist-info" if name in {"METADATA", "entry_points.txt"} else package
            if text:
                (place / name).write_text(text, "utf-8")
        yield directory


def _entry_points() -> str:
    return "[inference_models.v1]\nacme = acme_models.plugin\n"


@contextmanager
def listening() -> Iterator[int]:
    """Yield a port of this machine at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield int(server.getsockname()[1])


def outcomes(checks: Mapping[str, Callable[[Any], None]], subject: Any) -> dict[str, Outcome]:
    """Return what came of each check."""
    return {one.check: one for one in run_checks("acme", checks, subject)}


def failures(checks: Mapping[str, Callable[[Any], None]], subject: Any) -> dict[str, str]:
    """Return what the checks found, with what to change."""
    found = outcomes(checks, subject)
    return {name: f"{one.reason} | {one.change}" for name, one in found.items() if one.state == "failed"}
