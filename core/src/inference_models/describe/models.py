"""What a provider says about a model, and what negotiation made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict

from inference_models.describe.tables import as_text, in_words, open_console, print_facts, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from inference_models.metadata import ModelMetadata, ModelPackageMetadata, RecommendedParameters
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
    rows = [
        (
            package.package_id,
            package.backend,
            package.quantization.value,
            package.batch_summary,
            "yes" if package.trusted_source else "no",
            _contents(package),
            in_words(package.model_features),
        )
        for package in metadata.model_packages
    ]
    columns = ("package", "backend", "quantization", "batch", "trusted", "files", "features")
    if not any(package.model_features for package in metadata.model_packages):
        columns, rows = columns[:-1], [row[:-1] for row in rows]  # type: ignore[assignment,misc]
    print_table(console, "Packages", columns, rows)


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
        "packages": [_package_to_dict(package) for package in metadata.model_packages],
        "unreadable_packages": [
            {"package_id": package.package_id, "reason": package.reason} for package in metadata.unreadable_packages
        ],
    }


def _package_to_dict(package: ModelPackageMetadata) -> dict[str, Any]:
    return {
        "package_id": package.package_id,
        "backend": package.backend,
        "quantization": package.quantization.value,
        "static_batch_size": package.static_batch_size,
        "dynamic_batch_size_supported": package.dynamic_batch_size_supported,
        "trusted_source": package.trusted_source,
        "model_features": dict(package.model_features),
        "recommended_parameters": _recommended(package.recommended_parameters),
        "directory": None if package.directory is None else str(package.directory),
        "files": [file.file_handle for file in package.package_artefacts],
    }


def _recommended(parameters: RecommendedParameters | None) -> dict[str, Any] | None:
    return None if parameters is None else asdict(parameters)


def _model_facts(metadata: ModelMetadata) -> dict[str, object]:
    dependencies = [f"{one.name}: {one.model_id}" for one in metadata.model_dependencies]
    recommended = metadata.recommended_parameters
    return {
        "model": metadata.model_id,
        "architecture": metadata.model_architecture,
        "variant": metadata.model_variant,
        "task": metadata.task_type,
        "confidence": None if recommended is None else recommended.confidence,
        "needs": ", ".join(dependencies) or None,
    }


def _contents(package: ModelPackageMetadata) -> str:
    if package.directory is not None:
        return f"in {package.directory}"
    return ", ".join(file.file_handle for file in package.package_artefacts)


def _verdict(verdict: Verdict) -> str:
    if not verdict.usable:
        return f"rejected: {verdict.reason}"
    return f"usable with {verdict.implementation.plugin}" if verdict.implementation else "usable"
