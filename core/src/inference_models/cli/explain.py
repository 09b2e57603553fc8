"""`im explain`: which package of a model would be loaded, and why the others would not."""

from __future__ import annotations

from typing import Any

import click

from inference_models.cli.options import keep_given, loading_options, model_argument
from inference_models.cli.output import json_option, write_json


@click.command()
@model_argument
@loading_options
@json_option
def explain(model: str, as_json: bool, **loading: Any) -> None:
    """Show which packages of MODEL can be used here.

    Every package is listed with its verdict: usable and how ranked, or rejected and why. Nothing is loaded. A
    model that cannot be used is an answer too: the exit code is 0.
    """
    from inference_models.auto_model import AutoModel
    from inference_models.describe import print_plan

    plan = AutoModel.explain(model, **keep_given(loading))
    if as_json:
        write_json(plan.to_dict())
    else:
        print_plan(plan)
