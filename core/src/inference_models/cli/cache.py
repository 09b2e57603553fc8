"""`im cache`: what is on disk, whether it is whole, and making room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inference_models.cli.output import json_option, report_progress, write_json
from inference_models.cli.sizes import format_size, parse_size

if TYPE_CHECKING:
    from inference_models.store.derived import DerivedFiles
    from inference_models.store.inventory import StoredPackage

_package_option = click.option("--package", "package_id", metavar="ID", help="Only the package with this id.")
_yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")


@click.group()
def cache() -> None:
    """List, verify and remove the models on this machine's disk."""


@cache.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the packages on disk, and how much backends keep that they made from packages."""
    from inference_models.store import cache_root
    from inference_models.store.derived import list_derived
    from inference_models.store.inventory import list_packages

    packages, derived = list_packages(), list_derived()
    if as_json:
        write_json({"home": str(cache_root()), **_as_document(packages, derived)})
    else:
        _print(packages, derived, cache_root())


@cache.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@_package_option
@json_option
@click.pass_context
def verify(ctx: click.Context, models: tuple[str, ...], package_id: str | None, as_json: bool) -> None:
    """Read every byte of the packages on disk and compare it with what was fetched.

    Without MODEL all packages are verified. The exit code is 1 when a file is not as it was.
    """
    from inference_models.store.inventory import check_files

    rows = []
    packages = _chosen(models, package_id)
    for package in packages:
        report_progress(f"Verifying {package.package_id} of {package.model} ({format_size(package.size)})")
        files = check_files(package)
        rows.append({**_row(package), "files": files, "ok": set(files.values()) <= {"ok"}})
    if as_json:
        write_json({"ok": all(row["ok"] for row in rows), "packages": rows})
    else:
        _print_verification(packages, rows)
    if not all(row["ok"] for row in rows):
        ctx.exit(1)


@cache.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@_package_option
@_dry_run_option
@_yes_option
@json_option
def remove(models: tuple[str, ...], package_id: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove models from the disk."""
    _remove(_chosen(models, package_id), (), dry_run=dry_run, yes=yes, as_json=as_json)


@cache.command()
@click.option(
    "--max-size",
    required=True,
    metavar="SIZE",
    type=str,
    callback=lambda _ctx, _param, value: parse_size(value),
    help="What may stay, for example 5GB.",
)
@_dry_run_option
@_yes_option
@json_option
def prune(max_size: int, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove what was not used for longest, until the rest fits into a size."""
    from inference_models.store.derived import DerivedFiles, list_derived
    from inference_models.store.inventory import StoredPackage, least_recently_used, list_packages

    stored: list[StoredPackage | DerivedFiles] = [*list_packages(), *list_derived()]
    unwanted = least_recently_used(stored, max_size)
    packages = [one for one in unwanted if isinstance(one, StoredPackage)]
    derived = [one for one in unwanted if isinstance(one, DerivedFiles)]
    _remove(packages, derived, dry_run=dry_run, yes=yes, as_json=as_json)


def _chosen(models: Sequence[str], package_id: str | None) -> list[StoredPackage]:
    from inference_models.errors import ModelNotFoundError
    from inference_models.store.inventory import find_packages, list_packages

    packages = [package for model in models for package in find_packages(model)] if models else list_packages()
    chosen = {package.directory: package for package in packages if package_id in {None, package.package_id}}
    if package_id is not None and not chosen:
        known = ", ".join(package.package_id for package in packages) or "none"
        raise ModelNotFoundError(f"There is no package {package_id!r} on disk. Of these models there is: {known}.")
    return list(chosen.values())


def _remove(
    packages: Sequence[StoredPackage], derived: Sequence[DerivedFiles], *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    from inference_models.store.derived import remove_derived
    from inference_models.store.inventory import remove_package

    made = f" and {len(derived)} made by backends" if derived else ""
    total = f"{_count(packages)}{made}, {format_size(_size(packages, derived))}"
    if not as_json:
        for package in packages:
            click.echo(f"{package.model}  {package.package_id}  {format_size(package.size)}", err=not dry_run)
        for one in derived:
            click.echo(f"made by {one.backend}  {one.key}  {format_size(one.size)}", err=not dry_run)
    if (packages or derived) and not dry_run:
        if not yes:
            click.confirm(f"Remove {total}?", abort=True, err=True)
        for package in packages:
            remove_package(package)
        for one in derived:
            remove_derived(one)
    if as_json:
        write_json({"removed": not dry_run, **_as_document(packages, derived)})
    else:
        click.echo(f"{'Would remove' if dry_run else 'Removed'} {total}.")


def _as_document(packages: Sequence[StoredPackage], derived: Sequence[DerivedFiles]) -> dict[str, Any]:
    return {
        "size": _size(packages, derived),
        "packages": [_row(package) for package in packages],
        "derived": [
            {
                "backend": one.backend,
                "key": one.key,
                "directory": str(one.directory),
                "size": one.size,
                "last_used": one.last_used.isoformat(timespec="seconds"),
            }
            for one in derived
        ],
    }


def _size(*stored: Sequence[StoredPackage | DerivedFiles]) -> int:
    return sum(one.size for group in stored for one in group)


def _count(packages: Sequence[object]) -> str:
    return f"{len(packages)} package{'' if len(packages) == 1 else 's'}"


def _row(package: StoredPackage) -> dict[str, Any]:
    return {
        "model": package.model,
        "package_id": package.package_id,
        "provider": package.manifest.identity.provider,
        "model_id": package.manifest.identity.model_id,
        "aliases": list(package.manifest.aliases),
        "directory": str(package.directory),
        "size": package.size,
        "files": {file.handle: file.size for file in package.files},
        "last_used": package.last_used.isoformat(timespec="seconds"),
    }


def _print(packages: Sequence[StoredPackage], derived: Sequence[DerivedFiles], home: Path) -> None:
    from inference_models.describe import as_text, open_console, print_table

    console = open_console()
    if not packages and not derived:
        console.print(as_text(f"No models in {home}."), soft_wrap=True)
        return
    rows = [
        (
            package.model,
            package.package_id,
            _stated(package, "backend"),
            _stated(package, "quantization"),
            len(package.files),
            format_size(package.size),
            package.last_used.date().isoformat(),
        )
        for package in packages
    ]
    columns = ("model", "package", "backend", "quantization", ">files", ">size", "last used")
    print_table(console, "", columns, rows)
    made = f", {format_size(_size(derived))} of it made by backends" if derived else ""
    console.print(as_text(f"\n{format_size(_size(packages, derived))} in {home}{made}"), soft_wrap=True)


def _stated(package: StoredPackage, name: str) -> str:
    description = package.manifest.description or {}
    row = description.get("package")
    return str(row.get(name, "?")) if isinstance(row, dict) else "?"


def _print_verification(packages: Sequence[StoredPackage], rows: Sequence[dict[str, Any]]) -> None:
    from inference_models.describe import as_text, open_console, print_table
    from inference_models.store.builds import origin_of

    console = open_console()
    table = [
        (row["model"], row["package_id"], handle, state)
        for row in rows
        for handle, state in row["files"].items()
        if state != "ok"
    ]
    if not table:
        console.print(as_text(f"{_count(rows)} verified: every file is as it was fetched."))
        return
    print_table(console, "Damaged", ("model", "package", "file", "state"), table)
    damaged = [package for package, row in zip(packages, rows, strict=True) if not row["ok"]]
    made_here = [package.package_id for package in damaged if origin_of(package.manifest)]
    console.print()
    if len(made_here) < len(damaged):
        console.print(as_text("Loading the model with the network on fetches these files again."))
    if made_here:
        names = ", ".join(made_here)
        console.print(
            as_text(f"What was made on this machine is not fetched: make {names} again (im compile)."), soft_wrap=True
        )
