"""`im describe`: what a weights provider says about a model."""

from __future__ import annotations

import click

from inference_models.cli.options import model_argument, provider_option
from inference_models.cli.output import json_option, write_json


@click.command()
@model_argument
@provider_option
@click.option("--package", "package_id", metavar="ID", help="Show all that is known about the package with this id.")
@json_option
def describe(model: str, weights_provider: str | None, package_id: str | None, as_json: bool) -> None:
    """Show what MODEL is and which packages it has.

    MODEL is an id (demo://shapes, provider://model-id) or a directory (./my-model).
    """
    from inference_models.describe import (
        find_package,
        model_to_dict,
        package_to_dict,
        print_model,
        print_model_package,
    )
    from inference_models.loading import look_up_model

    metadata = look_up_model(model, weights_provider)
    if package_id is None:
        write_json(model_to_dict(metadata)) if as_json else print_model(metadata)
    elif as_json:
        package = find_package(metadata, package_id)
        write_json({"model_id": metadata.model_id, "package": package_to_dict(package, look_inside=True)})
    else:
        print_model_package(metadata, package_id)
