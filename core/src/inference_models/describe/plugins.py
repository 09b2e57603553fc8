"""The installed plugins: what each is, declares and suffers from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_models.describe.tables import in_words, open_console, print_table
from inference_models.plugins.discovery import switched_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from inference_models.catalog import Catalog
    from inference_models.plugins import LoadedPlugin


def plugin_rows(catalog: Catalog) -> list[dict[str, Any]]:
    """Return every installed plugin as plain values, ordered by distribution.

    Keys: "name" (of the entry point), "distribution", "version", "status", "api" (the entry-point group),
    "module", "location", "origin" (None for a package index), "code_license" (as its metadata states it), "load_ms"
    (None when it was not loaded), "declares" ("providers", "backends", "models", "pipelines") and "problems" ("stage",
    "message"). The status is "enabled", "disabled", "forbidden" (by the policy), "incompatible" (made for another
    plugin API), or "broken" (switched on, but something about it does not work).
    """
    loaded = {(one.info.group, one.info.name, one.info.distribution): one for one in catalog.plugins}
    rows = []
    for info in catalog.found:
        plugin = loaded.get((info.group, info.name, info.distribution))
        problems = [problem for problem in catalog.problems if problem.plugin == info]
        reasons = [{"stage": problem.stage, "message": problem.message} for problem in problems]
        if info.selection == "forbidden":
            reasons.append({"stage": "policy", "message": str(info.refusal)})
        if info.selection == "disabled":
            reasons.append({"stage": "setting", "message": str(switched_off(info))})
        broken = info.selection == "enabled" and (problems or plugin is None)
        rows.append(
            {
                "name": info.name,
                "distribution": info.distribution,
                "version": info.version,
                "status": "broken" if broken else info.selection,
                "api": info.group,
                "module": info.module,
                "location": info.location,
                "origin": info.origin,
                "code_license": info.code_license,
                "load_ms": None if plugin is None else round(plugin.seconds * 1000, 2),
                "declares": _declares(plugin),
                "problems": reasons,
            }
        )
    return rows


def _declares(plugin: LoadedPlugin | None) -> dict[str, list[Any]]:
    declared = plugin.declared if plugin is not None else {}
    return {
        "providers": [spec.name for spec in declared.get("im_weights_providers", ())],
        "backends": [spec.name for spec in declared.get("im_backends", ())],
        "models": [
            {"architectures": list(spec.architectures), "task_type": spec.task_type, "backends": list(spec.backends)}
            for spec in declared.get("im_models", ())
        ],
        "pipelines": [spec.id for spec in declared.get("im_pipelines", ())],
    }


def print_plugins(rows: Sequence[dict[str, Any]], console: Console | None = None, title: str = "") -> None:
    """Print the installed plugins and their problems.

    Args:
        rows: as `plugin_rows` returns them.
        console: where to print; default: stdout.
        title: a line above the table.
    """
    console = open_console(console)
    shown = [
        (
            row["name"],
            f"{row['distribution']} {row['version']}",
            row["status"],
            "-" if row["load_ms"] is None else f"{row['load_ms']:.1f}",
            _in_words(row["declares"]),
            row["code_license"] or "?",
            row["origin"] or row["location"],
        )
        for row in rows
    ]
    columns = ("plugin", "distribution", "status", ">load ms", "declares", "licence", "installed from")
    print_table(console, title, columns, shown)
    problems = [(row["distribution"], one["stage"], one["message"]) for row in rows for one in row["problems"]]
    if problems:
        console.print()
        print_table(console, "Problems", ("distribution", "stage", "message"), problems)


def _in_words(declares: dict[str, list[Any]]) -> str:
    parts = [f"{kind}: {in_words(declares[kind])}" for kind in ("providers", "backends") if declares[kind]]
    models = [
        f"{'/'.join(model['architectures'])} {model['task_type']} on {'/'.join(model['backends'])}"
        for model in declares["models"]
    ]
    parts += [f"models: {', '.join(models)}"] if models else []
    parts += [f"pipelines: {in_words(declares['pipelines'])}"] if declares["pipelines"] else []
    return "; ".join(parts) or "nothing"
