"""`im describe`: what a weights provider says about a model."""

from __future__ import annotations

import click

from inference_models.cli.options import model_argument, provider_option
from inference_models.cli.output import json_option, write_json


@click.command()
@model_argument
@provider_option
@json_option
def describe(model: str, weights_provider: str | None, as_json: bool) -> None:
    """Show what MODEL is and which packages it has.

    MODEL is an id (demo://shapes, provider://model-id) or a directory (./my-model).
    """
    from inference_models.describe import model_to_dict, print_model
    from inference_models.weights_providers import get_model_from_provider

    metadata = get_model_from_provider(model, weights_provider)
    if as_json:
        write_json(model_to_dict(metadata))
    else:
        print_model(metadata)
