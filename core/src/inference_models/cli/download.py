"""`im download`: fetch a model without loading it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from inference_models.cli.options import keep_given, loading_options, model_argument
from inference_models.cli.output import json_option, write_json

if TYPE_CHECKING:
    from inference_models.store.bundle import BundleSource

logger = logging.getLogger(__name__)


@click.command()
@model_argument
@loading_options
@json_option
def download(model: str, as_json: bool, **loading: Any) -> None:
    """Fetch MODEL without loading it, and print its directory.

    It is the package that would be loaded here. Other models that MODEL needs are fetched, too. What is on disk
    already is not fetched again.
    """
    source, *dependencies = fetch_model(model, loading)
    if as_json:
        write_json({"model": model, **_as_row(source), "dependencies": [_as_row(one) for one in dependencies]})
    else:
        click.echo(str(source.directory))


_INHERITED = ("device", "allow_untrusted_packages", "download_files_without_hash")


def _as_row(source: BundleSource) -> dict[str, str]:
    return {
        "model_id": source.metadata.model_id,
        "provider": source.provider,
        "package_id": source.package.package_id,
        "backend": source.package.backend,
        "directory": str(source.directory),
    }


def fetch_model(model: str, loading: dict[str, Any]) -> list[BundleSource]:
    """Return the package of a model that would be loaded here, then those of the models that it needs, all on disk.

    Args:
        model: as the user names it.
        loading: the values of the `loading_options`.

    Raises:
        BaseInferenceModelsError: as `AutoModel.from_pretrained`.
    """
    fetched = _fetch(model, keep_given(loading))
    for_all = {name: loading[name] for name in _INHERITED if loading.get(name)}
    needed = [
        _fetch(
            dependency.model_id,
            {
                **for_all,
                "weights_provider": fetched.provider,
                "model_package_id": dependency.model_package_id,
                "allow_direct_local_storage_loading": False,
            },
        )
        for dependency in fetched.metadata.model_dependencies
    ]
    return [fetched, *needed]


def _fetch(model: str, options: dict[str, Any]) -> BundleSource:
    from inference_models.auto_model import AutoModel
    from inference_models.download.progress import show_progress
    from inference_models.errors import BaseInferenceModelsError
    from inference_models.metadata import ModelPackageMetadata
    from inference_models.store import materialise
    from inference_models.store.bundle import BundleSource
    from inference_models.weights_providers import find_source

    plan = AutoModel.explain(model, **options)
    source = find_source(model, options.get("weights_provider"))
    failures: list[BaseInferenceModelsError] = []
    for verdict in plan.require_candidates():
        package = verdict.package
        assert isinstance(package, ModelPackageMetadata), "only usable packages are candidates"
        try:
            with show_progress() as progress:
                directory = materialise(
                    plan.metadata,
                    package,
                    source.provider,
                    allow_files_without_hash=plan.request.download_files_without_hash,
                    progress=progress,
                    requested_id=source.model_id,
                )
        except BaseInferenceModelsError as error:  # as a load does, go on with the next one
            logger.warning("Package %s of %s cannot be fetched: %s", package.package_id, source, error)
            failures.append(error)
        else:
            return BundleSource(source.provider, plan.metadata, package, directory, source.model_id)
    raise failures[0]
