"""`im bundle`: carry models to a machine without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inference_models.cli.options import loading_options
from inference_models.cli.output import json_option, write_json

_directory = click.Path(file_okay=False, path_type=Path)


@click.group()
def bundle() -> None:
    """Carry models to a machine without a network."""


@bundle.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.argument("directory", type=_directory)
@loading_options
@json_option
def export(models: tuple[str, ...], directory: Path, as_json: bool, **loading: Any) -> None:
    """Write models into DIRECTORY, which must not exist or be empty.

    For each MODEL, and each model that it needs, it is the package that would be loaded here. Prints the bundle's
    SHA-256, for `import --digest`.
    """
    from inference_models.cli.download import fetch_model
    from inference_models.store.bundle import export_bundle
    from inference_models.weights_providers import find_source

    for model in models:
        if find_source(model, loading["weights_provider"]).is_local:
            raise click.BadParameter(f"{model} is a directory already: copy it as it is, and load it by its path.")
    sources = list({one.directory: one for model in models for one in fetch_model(model, loading)}.values())
    digest = export_bundle(sources, directory)
    if as_json:
        rows = [
            {"provider": one.provider, "model_id": one.metadata.model_id, "package_id": one.package.package_id}
            for one in sources
        ]
        write_json({"directory": str(directory), "digest": digest, "packages": rows})
    else:
        click.echo(digest)


@bundle.command("import")
@click.argument("directory", type=_directory)
@click.option("--digest", metavar="SHA256", help="What the export printed; proves that this is that bundle.")
@json_option
def import_(directory: Path, digest: str | None, as_json: bool) -> None:
    """Put the models in DIRECTORY into this machine's cache.

    Every file is verified first. A package that its provider vouches for may hold programs, and a bundle says itself
    which those are: import only what you trust, or give --digest.
    """
    from inference_models.store.bundle import import_bundle

    imported = import_bundle(directory, digest=digest)
    rows = [
        {
            "provider": manifest.identity.provider,
            "model_id": manifest.identity.model_id,
            "package_id": manifest.identity.package_id,
            "directory": str(place),
        }
        for manifest, place in imported
    ]
    if as_json:
        write_json({"packages": rows})
    else:
        for row in rows:
            click.echo(row["directory"])
