"""Where output goes: documents to stdout, progress to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

SCHEMA = 1
"""Version of the JSON documents. Keys may be added under one number; none changes its meaning or goes away."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")


def write_json(document: Mapping[str, Any]) -> None:
    """Print a document with its schema number on stdout. What JSON lacks (NaN, infinity) becomes null."""
    from inference_models.predictions.plain import to_plain

    click.echo(json.dumps(to_plain({"schema": SCHEMA, **document}), indent=2, allow_nan=False))


def report_progress(message: str) -> None:
    """Say what is going on, on stderr and only to people: nothing when stderr is not a terminal."""
    if sys.stderr.isatty():
        click.echo(message, err=True)
