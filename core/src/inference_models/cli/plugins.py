"""`im plugins`: which plugins are installed, what they declare and what is wrong with them."""

from __future__ import annotations

import click

from inference_models.cli.output import json_option, write_json


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List the installed plugins and what they declare."""
    from inference_models.catalog import current_catalog
    from inference_models.describe import plugin_rows, print_plugins

    rows = plugin_rows(current_catalog())
    if as_json:
        write_json({"plugins": rows})
    else:
        print_plugins(rows)
