"""The manifest of a stored package: what it is, and what each of its files was when it was verified.

Format 2 adds what the provider said about the package, and the other names under which its model was asked for. Format
1, which lacks both, is still read; it is written anew as format 2 with the next load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from inference_models.errors import CorruptedModelPackageError
from inference_models.handles import check_handles
from inference_models.store.layout import MANIFEST_NAME

__all__ = [
    "Manifest",
    "PackageIdentity",
    "StoredFile",
    "parse_manifest",
    "read_manifest",
    "to_document",
    "write_manifest",
]

FORMAT_VERSION = 2
_READABLE = frozenset({1, 2})

_IDENTITY = ("provider", "model_id", "package_id")
_ROW = {"handle": str, "sha256": str, "md5": str, "size": int, "mtime_ns": int, "source": str, "fetched_at": str}


@frozen
class PackageIdentity:
    """Which package a directory holds."""

    provider: str
    model_id: str
    package_id: str


@frozen
class StoredFile:
    """A file of a stored package.

    Attributes:
        handle: its path in the package, with `/` between folders.
        sha256: 64 hex digits, computed while it was fetched.
        md5: 32 hex digits; when the provider stated one, they were equal.
        size: in bytes.
        mtime_ns: its modification time. With the size, the stamp that tells whether it was touched since.
        source: the URL it came from, without query and credentials.
        fetched_at: when, in ISO 8601, UTC.
    """

    handle: str
    sha256: str
    md5: str
    size: int
    mtime_ns: int
    source: str
    fetched_at: str


@frozen
class Manifest:
    """What a package directory holds.

    Attributes:
        identity: which package it is.
        files: its files, by handle.
        description: what its provider said about it, see `description`; None: not recorded.
        aliases: other ids by which its model was asked for, sorted.
    """

    identity: PackageIdentity
    files: Mapping[str, StoredFile]
    description: Mapping[str, Any] | None = None
    aliases: tuple[str, ...] = ()

    @property
    def fetched_at(self) -> str:
        """When its newest file came, as ISO 8601 has it; empty when it has no files."""
        return max((file.fetched_at for file in self.files.values()), default="")


def read_manifest(directory: Path) -> Manifest | None:
    """Return the manifest of `directory`; None when there is none, or none that can be used.

    A damaged manifest, or one of another format version, counts as absent: the files are verified anew.

    Raises:
        OSError: it exists and cannot be read.
    """
    try:
        text = (directory / MANIFEST_NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        document = json.loads(text)
        if _typed(document["format_version"], int) not in _READABLE:
            return None
        return parse_manifest(document)
    # A manifest nested too deeply exhausts the parser's stack.
    except (ValueError, TypeError, KeyError, RecursionError, CorruptedModelPackageError):
        return None


def write_manifest(staging: Path, manifest: Manifest) -> Path:
    """Write a manifest into a directory that nobody reads yet, flushed to disk, and return its path.

    Raises:
        OSError: it cannot be written.
    """
    document = {"format_version": FORMAT_VERSION, **to_document(manifest)}
    path = staging / MANIFEST_NAME
    with path.open("x", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return path


def to_document(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as values that JSON has."""
    return {
        **asdict(manifest.identity),
        "aliases": list(manifest.aliases),
        "description": manifest.description,
        "files": [asdict(file) for file in manifest.files.values()],
    }


def parse_manifest(document: Any) -> Manifest:
    """Return the manifest that a document of JSON describes.

    Raises:
        KeyError, TypeError: it has another shape.
        CorruptedModelPackageError: a file's name is refused.
    """
    identity = PackageIdentity(**{name: _typed(document[name], str) for name in _IDENTITY})
    files = [StoredFile(**{name: _typed(row[name], kind) for name, kind in _ROW.items()}) for row in document["files"]]
    description, aliases = document.get("description"), document.get("aliases", [])
    if description is not None:
        _typed(description, dict)
    # Files that a package no longer has are removed by handle, so one that leads elsewhere must not be believed.
    check_handles([file.handle for file in files], identity.package_id)
    return Manifest(
        identity,
        {file.handle: file for file in files},
        description,
        tuple(_typed(alias, str) for alias in _typed(aliases, list)),
    )


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value
