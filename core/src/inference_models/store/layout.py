"""Names on disk: the cache root, and the directory and the lock of a package.

    <root>/<model>/<package>/<file handle>      plain files
    <root>/<model>/<package>/.im-manifest.json  what the files are, see `manifest`
    <root>/<model>/.im-staging-*                being filled, see `staging`
    <root>/.locks/<model>@<package>.lock        see `locks`
    <root>/.derived/<backend>/<key>/            what backends make from packages, see `derived`
    <root>/.resolutions/<key>.json              what was decided, see `resolutions`
    <root>/.granted/<model>/<key>               with which API keys a model was given, see `grants`

`<model>` and `<package>` never begin with a dot: names that do belong to the store.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from inference_models.configuration import INFERENCE_HOME
from inference_models.distributions import canonical_name
from inference_models.entities import DEFAULT_PROVIDER
from inference_models.errors import ModelRetrievalError
from inference_models.handles import OWN_PREFIX, is_device_name

__all__ = [
    "MANIFEST_NAME",
    "cache_root",
    "lock_path",
    "model_directory",
    "package_directory",
    "safe_name",
]

MANIFEST_NAME = f"{OWN_PREFIX}manifest.json"

_LOCKS = ".locks"
_APPLICATION = "inference-models"
_NAME_LENGTH = 80  # with its suffix far below 255, because Windows limits whole paths to 260
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LOOKS_SUFFIXED = re.compile(r"-[0-9a-f]{12}\Z")


def cache_root() -> Path:
    """Return the root of the cache: `INFERENCE_HOME`, else the user's cache directory. It need not exist."""
    home = INFERENCE_HOME.get()
    if home is None:
        from platformdirs import user_cache_path

        home = user_cache_path(_APPLICATION, appauthor=False)
    return home.absolute()


def package_directory(root: Path, provider: str, model_id: str, package_id: str) -> Path:
    """Return where a package lies under `root`. No two packages share a place, on any file system.

    Models of the default provider lie under their own id, those of others under `provider://id`, made safe.
    """
    return model_directory(root, provider, model_id) / safe_name(package_id)


def model_directory(root: Path, provider: str, model_id: str) -> Path:
    """Return the directory under `root` that holds the packages of a model."""
    name = canonical_name(provider) or provider  # a provider that is found by several spellings is one
    return root / safe_name(model_id if name == DEFAULT_PROVIDER else f"{name}://{model_id}")


def lock_path(directory: Path) -> Path:
    """Return the lock of the package that lies in `directory`. It lies elsewhere, so it survives the package."""
    # No safe name has an @, so no two packages share a lock.
    return directory.parent.parent / _LOCKS / f"{directory.parent.name}@{directory.name}.lock"


def safe_name(text: str) -> str:
    """Return `text` as a file name that is valid, and distinct from that of any other text, on every platform.

    Lower-case letters, digits, `.`, `_` and `-` stay as they are. Where something had to be changed, or the
    result could equal another one (capitals on a file system that ignores case), a hash of `text` is appended.
    """
    name = _UNSAFE.sub("-", text)[:_NAME_LENGTH].strip("-.")
    if is_device_name(name):
        name = f"_{name}"
    if name and name == text == name.lower() and not _LOOKS_SUFFIXED.search(name):
        return name
    from hashlib import sha256  # loads OpenSSL: most names do without

    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name}-{digest}" if name else f"model-{digest}"


def refuse_foreign(*directories: Path) -> None:
    """Refuse directories that another user owns: who owns them can exchange the files after they were checked.

    The administrator may: files that root provides (in an image, on a shared mount) are as safe as the machine is.

    Raises:
        ModelRetrievalError: with the directory and the ways out.
    """
    if os.name == "nt":  # no numeric owners there; the cache lies in the user's own profile
        return
    allowed = {0, os.geteuid()}
    for directory in directories:
        try:
            owner = directory.stat().st_uid
        except FileNotFoundError:
            continue
        if owner not in allowed:
            raise ModelRetrievalError(
                f"The model cache {directory} belongs to another user (id {owner}; this process runs as "
                f"{os.geteuid()}), who could exchange the files in it. Set {INFERENCE_HOME.name} to a directory of "
                f"your own, or change the owner."
            )
