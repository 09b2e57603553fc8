"""What is known about one package of a model: what it needs, and its files with their sizes and hashes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, fields, frozen, has

from inference_models.describe.tables import as_text, in_words, open_console, print_facts, print_table
from inference_models.errors import (
    AmbiguousModelPackageResolutionError,
    InvalidParameterError,
    NoModelPackagesAvailableError,
    describe_choices,
)
from inference_models.metadata import ModelPackageMetadata
from inference_models.predictions.plain import to_plain
from inference_models.stated import card_labels, stated_fields

if TYPE_CHECKING:
    from rich.console import Console

    from inference_models.metadata import ModelMetadata

_MOST_FILES = 1000  # a directory that holds more is no package, and walking through a disk helps nobody


def print_model_package(
    metadata: ModelMetadata, package_id: str, console: Console | None = None
) -> ModelPackageMetadata:
    """Print what is known about one package of a model.

    Args:
        metadata: the model, as its weights provider describes it.
        package_id: which package.
        console: where to print; default: stdout.

    Returns:
        The package.

    Raises:
        NoModelPackagesAvailableError: the model has no such package, or it cannot be read.
        AmbiguousModelPackageResolutionError: several packages have this id.
        InvalidParameterError: the id is no text.
    """
    package = find_package(metadata, package_id)
    console = open_console(console)
    files = _files(package)
    print_facts(console, "", _facts(metadata, package, files))
    console.print()
    if not files:
        console.print(as_text(f"No file can be seen in {package.directory}."), soft_wrap=True)
        return package
    columns: dict[str, list[object]] = {
        "file": [file.name for file in files],
        ">size": ["?" if file.size is None else size_in_words(file.size) for file in files],
    }
    if package.directory is None:
        columns["MD5"] = [file.md5 or "-" for file in files]
        columns["SHA-256"] = [file.sha256 or "-" for file in files]
    print_table(console, "Files", list(columns), list(zip(*columns.values(), strict=True)))
    return package


def find_package(metadata: ModelMetadata, package_id: str) -> ModelPackageMetadata:
    """Return the package of a model with this id. Raises: see `print_model_package`."""
    if not isinstance(package_id, str):
        raise InvalidParameterError(f"package_id= takes the id of a package, not {package_id!r}.")
    found = [package for package in metadata.model_packages if package.package_id == package_id]
    if len(found) > 1:
        raise AmbiguousModelPackageResolutionError(
            f"Model {metadata.model_id!r} has {len(found)} packages with the id {package_id!r}. Whoever provides the "
            f"model must give each package an id of its own."
        )
    if found:
        return found[0]
    for unreadable in metadata.unreadable_packages:
        if unreadable.package_id == package_id:
            raise NoModelPackagesAvailableError(
                f"Package {package_id!r} of model {metadata.model_id!r} cannot be read: {unreadable.reason}"
            )
    raise NoModelPackagesAvailableError(
        f"The model {metadata.model_id!r} has no package {package_id!r}. "
        f"{describe_choices(package_id, list(metadata.package_ids()))}"
    )


def package_to_dict(package: ModelPackageMetadata, *, look_inside: bool = False) -> dict[str, Any]:
    """Return what is known about a package as plain values.

    Download addresses are left out: they may carry credentials.

    Args:
        package: the package.
        look_inside: also list the files of a package that lies in a directory, which reads that directory.
    """
    recommended = package.recommended_parameters
    files = _files(package) if look_inside or package.directory is None else []
    return {
        "package_id": package.package_id,
        "backend": package.backend,
        "quantization": package.quantization.value,
        "batch_size": package.batch_summary,
        **{name: getattr(package, name) for name in stated_fields(ModelPackageMetadata)},
        "trusted_source": package.trusted_source,
        "model_features": to_plain(package.model_features),
        "backend_details": to_plain(_details(package)),
        "recommended_parameters": None if recommended is None else asdict(recommended),
        "directory": None if package.directory is None else str(package.directory),
        "size": _sum([file.size for file in files]),
        "files": [file.name for file in files],
        "artefacts": [asdict(file) for file in files],
    }


def total_size(package: ModelPackageMetadata) -> int | None:
    """Return the bytes of all files of a package that is fetched; None when its provider does not state them all."""
    return _sum([file.size for file in package.package_artefacts])


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def size_in_words(size: int) -> str:
    """Return a number of bytes with the unit that suits it, in powers of 1000."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def _facts(metadata: ModelMetadata, package: ModelPackageMetadata, files: Sequence[_File]) -> dict[str, object]:
    recommended = package.recommended_parameters or metadata.recommended_parameters
    size = _sum([file.size for file in files])
    trusted = "yes" if package.trusted_source else "no: loading it needs allow_untrusted_packages=True"
    own: dict[str, object] = {
        "package": package.package_id,
        "model": metadata.model_id,
        "architecture": metadata.model_architecture,
        "task": metadata.task_type,
        "backend": package.backend,
        "quantization": package.quantization.value,
        "batch": package.batch_summary,
        "trusted": trusted,
        **{label: getattr(package, name) for name, label in card_labels(ModelPackageMetadata).items()},
        "confidence": None if recommended is None else recommended.confidence,
        "features": in_words(package.model_features) if package.model_features else None,
        "size": None if size is None else size_in_words(size),
        "directory": package.directory,
    }
    details = _details(package)
    if not isinstance(details, Mapping):
        return {**own, "details": details}
    needs = {name.replace("_", " "): in_words(value) for name, value in details.items() if value is not None}
    return {**own, **{name: value for name, value in needs.items() if name not in own}}


def _details(package: ModelPackageMetadata) -> Mapping[str, Any] | str | None:
    """Return what only the package's backend understands, by name as far as it has names."""
    details = package.backend_details
    if details is None:
        return None
    kind: Any = type(details)
    if has(kind):
        details = {field.name: getattr(details, field.name) for field in fields(kind)}
    if not isinstance(details, Mapping):
        return str(details)
    # Sets have no order, and the same package shall look the same in every process.
    return {
        str(name): sorted(value, key=str) if isinstance(value, set | frozenset) else value
        for name, value in details.items()
    }


@frozen
class _File:
    """A file of a package, as far as it is known."""

    name: str
    size: int | None
    md5: str | None = None
    sha256: str | None = None


def _files(package: ModelPackageMetadata) -> list[_File]:
    if package.directory is None:
        return [
            _File(file.file_handle, file.size, file.md5_hash, file.sha256_hash) for file in package.package_artefacts
        ]
    return sorted(islice(_walk(package.directory), _MOST_FILES), key=lambda file: file.name)


def _walk(directory: Path) -> Iterator[_File]:
    for parent, _, names in os.walk(directory):
        for name in names:
            path = Path(parent, name)
            try:
                size = path.stat().st_size
            except OSError:  # a link that leads nowhere, or a file that has just gone
                size = None
            yield _File(path.relative_to(directory).as_posix(), size)
