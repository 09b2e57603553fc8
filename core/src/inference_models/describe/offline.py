"""What lies in the cache, for when there is no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models.describe.tables import in_words, open_console, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from inference_models.store.offline import OfflineArtefactVerification, OfflineModelStatus


def print_offline_models(models: Sequence[OfflineModelStatus], console: Console | None = None) -> None:
    """Print the models in the cache and whether their packages can be loaded without a network.

    Args:
        models: from `list_offline_models`.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    rows = [
        (
            model.canonical_model_id,
            ", ".join(model.requested_aliases) or "-",
            model.source,
            package.package_id,
            in_words(package.trusted_source),
            package.presence.value + (f": {', '.join(package.missing_files)}" if package.missing_files else ""),
        )
        for model in models
        for package in model.packages
    ]
    if rows:
        print_table(
            console, "Models on disk", ("model", "also known as", "provider", "package", "trusted", "state"), rows
        )
    else:
        console.print("No models are on disk.")


def print_offline_verification(files: Sequence[OfflineArtefactVerification], console: Console | None = None) -> None:
    """Print the state of each file of a model in the cache.

    Args:
        files: from `verify_offline_model`.
        console: where to print; default: stdout.
    """
    rows = [(file.canonical_model_id, file.package_id, file.file_handle, file.status.value) for file in files]
    print_table(open_console(console), "Files on disk", ("model", "package", "file", "state"), rows)
