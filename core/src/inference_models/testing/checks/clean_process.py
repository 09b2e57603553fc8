"""What a plugin does when it is imported and asked, seen in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import field, frozen

from inference_models.plugins.manager import HOOKS
from inference_models.testing.checks.findings import Finding

__all__ = ["Deeds", "Probe", "probe_plugin"]

_PROGRAM = Path(__file__).with_name("probe_program.py")
_TIMEOUT = 120.0  # for a hook that never returns; a plugin that is merely slow is judged by its CPU time


@frozen
class Deeds:
    """What code did.

    Attributes:
        seconds: of CPU time.
        modules: that it caused to be imported.
        deeds: beyond importing and computing, in words: connections, programs, threads, files, variables.
        failure: the exception, in one line; None when there was none.
        deprecations: what it was warned of because it will go, and where.
    """

    seconds: float
    modules: tuple[str, ...] = field(converter=tuple)
    deeds: tuple[str, ...] = field(converter=tuple)
    failure: str | None = None
    deprecations: tuple[str, ...] = field(default=(), converter=tuple)


@frozen
class Probe:
    """What was seen.

    Attributes:
        core: importing what every plugin imports.
        plugin: importing the plugin and asking all its hooks.
        declared: what the hooks returned, as plain values.
        detect: asking whether the backend works here; None when no backend was named or the plugin has no such one.
    """

    core: Deeds
    plugin: Deeds
    declared: dict[str, Any]
    detect: Deeds | None = None


def probe_plugin(entry_point: str, backend: str | None = None) -> Probe:
    """Import a plugin in a new process and ask its hooks, then the detection of one of its backends.

    Args:
        entry_point: what the entry point names: "acme.plugin".
        backend: whose `detect` is called.

    Raises:
        Finding: the process died or did not end.
    """
    arguments = {"path": sys.path, "entry_point": entry_point, "hooks": list(HOOKS), "backend": backend}
    unwanted = ("INFERENCE_MODELS_", "PYTHONHASHSEED")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    try:
        result = subprocess.run(
            [sys.executable, "-c", _PROGRAM.read_text("utf-8"), json.dumps(arguments)],
            env=variables,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise Finding(
            f"Importing {entry_point} and asking its hooks did not end within {_TIMEOUT:g} s.",
            "Hooks only declare: they wait for nothing and ask nobody.",
        ) from None
    last = (result.stdout.splitlines() or [""])[-1]
    if result.returncode != 0 or not last.startswith("{"):
        raise Finding(
            f"A new process that imports {entry_point} and asks its hooks ends with code {result.returncode}: "
            f"{(result.stderr.strip().splitlines() or ['it said nothing'])[-1]}",
            "A plugin module must neither end the process nor take over its output.",
        )
    document = json.loads(last)
    parts = {name: Deeds(**document[name]) for name in ("core", "plugin", "detect") if name in document}
    return Probe(declared=document["declared"], **parts)
