"""What a provider says about a model, and what negotiation made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict

from inference_models.describe.packages import package_to_dict, size_in_words, total_size
from inference_models.describe.tables import as_text, in_words, open_console, print_facts, print_table
from inference_models.metadata import ModelPackageMetadata
from inference_models.stated import card_labels

if TYPE_CHECKING:
    from rich.console import Console

    from inference_models.metadata import ModelMetadata, RecommendedParameters
    from inference_models.negotiation import Plan, Verdict


def print_model(metadata: ModelMetadata, console: Console | None = None) -> None:
    """Print what a weights provider says about a model.

    Args:
        metadata: the model.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    print_facts(console, "", _model_facts(metadata))
    console.print()
    for unreadable in metadata.unreadable_packages:
        console.print(as_text(f"Package {unreadable.package_id} cannot be read: {unreadable.reason}"), soft_wrap=True)
    if not metadata.model_packages:
        console.print("Its provider lists no packages." if not metadata.unreadable_packages else "No other is listed.")
        return
    columns: dict[str, list[object]] = {
        "package": [package.package_id for package in metadata.model_packages],
        "backend": [package.backend for package in metadata.model_packages],
        "quantization": [package.quantization.value for package in metadata.model_packages],
        "batch": [package.batch_summary for package in metadata.model_packages],
        "trusted": ["yes" if package.trusted_source else "no" for package in metadata.model_packages],
        **_columns_if_known(metadata.model_packages),
        "files": [_contents(package) for package in metadata.model_packages],
    }
    if any(package.model_features for package in metadata.model_packages):
        columns["features"] = [in_words(package.model_features) for package in metadata.model_packages]
    print_table(console, "Packages", list(columns), list(zip(*columns.values(), strict=True)))


def _columns_if_known(packages: Sequence[ModelPackageMetadata]) -> dict[str, list[object]]:
    sizes = [total_size(package) for package in packages]
    if all(size is None for size in sizes):
        return {}
    return {">size": ["?" if size is None else size_in_words(size) for size in sizes]}


def print_available_models(models: Mapping[str, Sequence[str]], console: Console | None = None) -> None:
    """Print the ids that weights providers list, as they are written to load a model.

    Args:
        models: the ids by provider.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    rows = [(f"{provider}://{model_id}", provider) for provider, ids in models.items() for model_id in ids]
    if rows:
        print_table(console, "Models", ("model", "provider"), rows)
    else:
        console.print("No installed weights provider lists any models.")


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Print the verdict on every package of a model: usable ones first, the best first, then the rejected ones.

    Args:
        plan: what negotiation decided.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    print_facts(console, "", _model_facts(plan.metadata))
    console.print()
    ranks = {id(verdict): rank for rank, verdict in enumerate(plan.candidates, start=1)}
    rows = [
        (
            ranks.get(id(verdict), "-"),
            verdict.package.package_id,
            verdict.package.backend,
            verdict.package.quantization.value,
            verdict.package.batch_summary,
            _verdict(verdict),
        )
        for verdict in plan.verdicts
    ]
    print_table(console, "Packages", (">rank", "package", "backend", "quantization", "batch", "verdict"), rows)
    if not plan.candidates:
        why = "none of its packages can be used here" if plan.verdicts else "its provider lists no packages"
        console.print(as_text(f"\nThe model cannot be loaded: {why}.{plan.notes}"), soft_wrap=True)


def model_to_dict(metadata: ModelMetadata) -> dict[str, Any]:
    """Return what a weights provider says about a model as plain values.

    Download addresses are left out: they may carry credentials.
    """
    return {
        "model_id": metadata.model_id,
        "model_architecture": metadata.model_architecture,
        "model_variant": metadata.model_variant,
        "task_type": metadata.task_type,
        "recommended_parameters": _recommended(metadata.recommended_parameters),
        "model_dependencies": [asdict(dependency) for dependency in metadata.model_dependencies],
        "implementations": _implementations(metadata),
        "packages": [package_to_dict(package) for package in metadata.model_packages],
        "unreadable_packages": [
            {"package_id": package.package_id, "reason": package.reason} for package in metadata.unreadable_packages
        ],
    }


def _recommended(parameters: RecommendedParameters | None) -> dict[str, Any] | None:
    return None if parameters is None else asdict(parameters)


def _card_facts(packages: Sequence[ModelPackageMetadata]) -> dict[str, object]:
    """Return what the packages' model cards state; where they differ, each value once, "?" for those without one."""
    facts: dict[str, object] = {}
    for name, label in card_labels(ModelPackageMetadata).items():
        values = dict.fromkeys(getattr(package, name) for package in packages)
        facts[label] = ", ".join("?" if value is None else value for value in values) if any(values) else None
    return facts


def _implementations(metadata: ModelMetadata) -> list[dict[str, Any]]:
    """Return the plugins that implement the model's architecture, with the licence of their code."""
    from inference_models.catalog import current_catalog
    from inference_models.distributions import canonical_name

    wanted = canonical_name(metadata.model_architecture)
    rows = [row for row in current_catalog().models() if wanted in map(canonical_name, row.spec.architectures)]
    plugins = {str(row.plugin): row.plugin for row in rows if metadata.task_type in {None, row.spec.task_type}}
    return [{"plugin": name, "code_license": plugin.code_license} for name, plugin in sorted(plugins.items())]


def _model_facts(metadata: ModelMetadata) -> dict[str, object]:
    dependencies = [f"{one.name}: {one.model_id}" for one in metadata.model_dependencies]
    recommended = metadata.recommended_parameters
    code = [f"{one['plugin']} ({one['code_license'] or 'licence not stated'})" for one in _implementations(metadata)]
    return {
        "model": metadata.model_id,
        "architecture": metadata.model_architecture,
        "variant": metadata.model_variant,
        "task": metadata.task_type,
        "confidence": None if recommended is None else recommended.confidence,
        "needs": ", ".join(dependencies) or None,
        **_card_facts(metadata.model_packages),
        "code": ", ".join(code) or None,
    }


def _contents(package: ModelPackageMetadata) -> str:
    if package.directory is not None:
        return f"in {package.directory}"
    return ", ".join(file.file_handle for file in package.package_artefacts)


def _verdict(verdict: Verdict) -> str:
    if not verdict.usable:
        return f"rejected: {verdict.reason}"
    return f"usable with {verdict.implementation.plugin}" if verdict.implementation else "usable"
