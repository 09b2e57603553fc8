"""`im plugins`: which plugins are installed, what they declare, and whether they keep to their contracts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from inference_models.cli.output import json_option, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_models.testing.checks.running import Outcome


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins and what they declare, or check one."""
    if ctx.invoked_subcommand is not None:
        return
    from inference_models.catalog import current_catalog
    from inference_models.describe import plugin_rows, print_plugins

    rows = plugin_rows(current_catalog())
    if as_json:
        write_json({"plugins": rows})
    else:
        print_plugins(rows)


@plugins.command()
@click.argument("name")
@click.option("--model-id", metavar="ID", help="A model of its weights provider, to ask that for: ID or NAME://ID.")
@click.option("--model", metavar="MODEL", help="Load this model, and check it on pictures drawn for that.")
@json_option
@click.pass_context
def check(ctx: click.Context, name: str, model_id: str | None, model: str | None, as_json: bool) -> None:
    """Check whether the installed plugin NAME keeps to its contracts.

    NAME is that of its distribution. The exit code is 1 when a check fails.
    """
    from inference_models.cli.contracts import check_plugin

    outcomes = check_plugin(name, model_id=model_id, model=model)
    failed = any(outcome.state == "failed" for outcome in outcomes)
    if as_json:
        from attrs import asdict

        write_json({"plugin": name, "ok": not failed, "checks": [asdict(outcome) for outcome in outcomes]})
    else:
        _print(name, outcomes)
    if failed:
        ctx.exit(1)


def _print(name: str, outcomes: Sequence[Outcome]) -> None:
    from inference_models.describe import as_text, open_console, print_table

    console = open_console()
    rows = [(one.contract, _words(one), one.state, one.reason or "") for one in outcomes]
    print_table(console, f"The contracts of {name}", ("contract", "check", "state", "what"), rows)
    changes = [(one.contract, _words(one), one.change) for one in outcomes if one.change is not None]
    console.print()
    if changes:
        print_table(console, "To change", ("contract", "check", "what to do"), changes)
        console.print()
    count = Counter(one.state for one in outcomes)
    text = ", ".join(f"{count[state]} {state}" for state in ("passed", "failed", "skipped"))
    console.print(as_text(text, "red" if changes else "green"))


def _words(outcome: Outcome) -> str:
    return outcome.check.replace("_", " ")
