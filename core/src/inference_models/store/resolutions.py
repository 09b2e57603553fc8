"""What was decided for a request, remembered for a while, so that the next load asks nobody.

    <root>/.resolutions/<key>.json      one decision
    <root>/.resolutions/.salt           makes the keys of this cache differ from those of any other

A decision names a package, no more: what is known about the package lies with its files. A damaged, outdated or
future-dated entry is as none at all.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from attrs import asdict, frozen

from inference_models.configuration import AUTO_LOADER_CACHE_EXPIRATION_MINUTES
from inference_models.store.layout import cache_root
from inference_models.store.staging import make_directories

__all__ = ["AutoResolutionCache", "FileResolutionCache", "Resolution", "resolution_key"]

_DIRECTORY = ".resolutions"
_SALT = ".salt"
_FORMAT = 1
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


@frozen
class Resolution:
    """A decision: this package is the one for that request.

    Attributes:
        provider: name of the weights provider.
        model_id: as the provider knows the model, which may differ from the id that was asked for.
        package_id: the package that was loaded.
        created_at: seconds since 1970.
    """

    provider: str
    model_id: str
    package_id: str
    created_at: float


class AutoResolutionCache(Protocol):
    """Where decisions are remembered. Keys are hexadecimal. What raises is logged and breaks no load."""

    def register(self, key: str, resolution: Resolution) -> None:
        """Remember a decision."""

    def retrieve(self, key: str) -> Resolution | None:
        """Return a decision that is still good; None when there is none."""

    def invalidate(self, key: str) -> None:
        """Forget a decision that turned out wrong."""


@frozen
class FileResolutionCache:
    """Remembers decisions as small files.

    Attributes:
        root: of the cache. None: as configured when it is used.
    """

    root: Path | None = None

    def register(self, key: str, resolution: Resolution) -> None:
        """Remember a decision; where nothing can be written, nothing is remembered."""
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        text = json.dumps({"format": _FORMAT, **asdict(resolution)})
        with suppress(OSError):
            make_directories(path.parent, is_private=True)
            try:
                temporary.write_text(text, "utf-8")
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sweep(path.parent)

    def retrieve(self, key: str) -> Resolution | None:
        """Return a decision that is still good; None when there is none."""
        try:
            document = json.loads(self._path(key).read_bytes())
            if document.pop("format") != _FORMAT:
                return None
            resolution = Resolution(**document)
            age = time.time() - resolution.created_at
            names = (resolution.provider, resolution.model_id, resolution.package_id)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        fresh = 0 <= age <= 60 * AUTO_LOADER_CACHE_EXPIRATION_MINUTES.get()
        return resolution if fresh and all(isinstance(name, str) and name for name in names) else None

    def invalidate(self, key: str) -> None:
        """Forget a decision."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return (self.root or cache_root()) / _DIRECTORY / f"{key}.json"


def _sweep(directory: Path) -> None:
    """Remove decisions that have expired: most were for plugins or keys that nobody has any more. Raises: OSError."""
    longest = 60 * AUTO_LOADER_CACHE_EXPIRATION_MINUTES.get()
    with os.scandir(directory) as entries:
        for entry in entries:
            age = abs(time.time() - entry.stat(follow_symlinks=False).st_mtime)  # also from a clock that was wrong
            if entry.name != _SALT and age > longest:
                Path(entry.path).unlink(missing_ok=True)


def resolution_key(parts: Mapping[str, Any], credential: str | None = None, root: Path | None = None) -> str | None:
    """Return the key for everything that a decision depends on.

    Args:
        parts: plain values by name. Of another value its text counts, without the addresses of objects in it: they
            differ each time, and say nothing about what was decided.
        credential: the API key, if any. It enters salted and hashed, so that what one key was given is not
            handed to another, and the key cannot be found out from the file's name.
        root: of the cache. None: as configured.

    Returns:
        64 hexadecimal digits; None when a credential is given and the cache cannot hold a salt.
    """
    import hashlib
    import hmac

    salt = b""
    if credential is not None:
        found = _salt((root or cache_root()) / _DIRECTORY)
        if found is None:
            return None
        salt = found
    text = json.dumps(parts, sort_keys=True, default=_text)
    return hmac.new(salt, f"{credential or ''}\n{text}".encode(), hashlib.sha256).hexdigest()


def _text(value: object) -> str:
    return _ADDRESS.sub("", str(value))


def _salt(directory: Path) -> bytes | None:
    path = directory / _SALT
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError:
        return None
    temporary = directory / f"{_SALT}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        make_directories(directory, is_private=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32))
        temporary.replace(path)
        return path.read_bytes()  # of several processes that come here at once, the last one's stays
    except OSError:
        return None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
