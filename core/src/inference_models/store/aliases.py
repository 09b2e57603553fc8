"""Other ids by which a model is asked for, such as a name without a version: each means one model at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from attrs import evolve

from inference_models.errors import ModelRetrievalError
from inference_models.store.filling import replace_manifest
from inference_models.store.inventory import list_packages
from inference_models.store.layout import package_directory
from inference_models.store.locks import try_package_lock
from inference_models.store.manifest import Manifest, PackageIdentity, read_manifest

__all__ = ["take_alias"]


def take_alias(root: Path, identity: PackageIdentity, alias: str) -> None:
    """Let `alias` mean the model of `identity` from now on, and no other model of its provider.

    Without this a name that comes to mean an older version again would mean the newer one offline. Never fails: in a
    cache that cannot be written to, a name means the model that was fetched last by it.

    Args:
        root: of the cache.
        identity: a package of the model. If its manifest lacks the alias, somebody else has taken it since.
        alias: what the user asked for.
    """
    own = package_directory(root, identity.provider, identity.model_id, identity.package_id)
    with suppress(OSError, ModelRetrievalError):
        others = [one.directory for one in list_packages(root) if _has(one.manifest, identity, alias)]
        if not others:
            return
        # Of two that come at once, none or one takes it from the other: never both.
        with try_package_lock(own) as is_free:
            manifest = read_manifest(own) if is_free else None
            if manifest is not None and alias in manifest.aliases:
                for directory in others:
                    _drop(directory, alias)


def _has(manifest: Manifest, identity: PackageIdentity, alias: str) -> bool:
    """Return whether it is a package of another model of the provider, and has the alias."""
    theirs = manifest.identity
    is_other = theirs.provider == identity.provider and theirs.model_id != identity.model_id
    return is_other and alias in manifest.aliases


def _drop(directory: Path, alias: str) -> None:
    with try_package_lock(directory) as is_free:
        # Who fetches it right now has perhaps asked for it by this name.
        manifest = read_manifest(directory) if is_free else None
        if manifest is not None:
            remaining = tuple(name for name in manifest.aliases if name != alias)
            replace_manifest(directory, evolve(manifest, aliases=remaining), is_use=False)
