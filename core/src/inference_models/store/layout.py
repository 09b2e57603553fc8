"""Names on disk: the cache root, the directory of a package, and which file handles are allowed.

    <root>/<model>/<package>/<file handle>      plain files
    <root>/<model>/<package>/.im-manifest.json  what the files are, see `manifest`
    <root>/<model>/.im-staging-*                being filled, see `staging`
    <root>/.locks/<model>@<package>.lock        see `locks`
    <root>/.derived/<backend>/<key>/            what backends make from packages, see `derived`

`<model>` and `<package>` never begin with a dot: names that do belong to the store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from inference_models.configuration import INFERENCE_HOME
from inference_models.entities import DEFAULT_PROVIDER
from inference_models.errors import CorruptedModelPackageError, ModelRetrievalError

__all__ = [
    "MANIFEST_NAME",
    "cache_root",
    "check_handles",
    "lock_path",
    "model_directory",
    "package_directory",
    "safe_name",
]

OWN_PREFIX = ".im-"
"""Begins the name of everything that the store itself writes; no file handle may."""

MANIFEST_NAME = f"{OWN_PREFIX}manifest.json"

_LOCKS = ".locks"
_APPLICATION = "inference-models"
_NAME_LENGTH = 80  # with its suffix far below 255, because Windows limits whole paths to 260
_SEGMENT_BYTES = 255
_HANDLE_BYTES = 1000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LOOKS_SUFFIXED = re.compile(r"-[0-9a-f]{12}\Z")
_FORBIDDEN = frozenset('<>:"|?*\\')  # Windows; a colon also makes a drive letter or an alternate stream
_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}) | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}


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
    return root / safe_name(model_id if provider == DEFAULT_PROVIDER else f"{provider}://{model_id}")


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
    if _is_device(name):
        name = f"_{name}"
    if name and name == text == name.lower() and not _LOOKS_SUFFIXED.search(name):
        return name
    from hashlib import sha256  # loads OpenSSL: most names do without

    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name}-{digest}" if name else f"model-{digest}"


def check_handles(handles: Iterable[str], package_id: str) -> None:
    """Refuse file handles that would leave the package's directory, or mean different files on some platform.

    Raises:
        CorruptedModelPackageError: with the handle and the reason.
    """
    places: dict[str, tuple[str, bool]] = {}
    for handle in handles:
        problem = _problem_of_handle(handle) or _collision(handle, places)
        if problem:
            raise CorruptedModelPackageError(
                f"Model package {package_id!r} names a file {handle[:200]!r}, which is refused: {problem}. "
                f"The weights provider must rename it."
            )


def _problem_of_handle(handle: str) -> str | None:
    if handle.startswith("/"):
        return "it is an absolute path"
    for segment in handle.split("/"):
        if problem := _problem_of_segment(segment):
            return problem
    return "it is longer than 1000 bytes" if len(handle.encode()) > _HANDLE_BYTES else None


def _problem_of_segment(segment: str) -> str | None:
    if not segment:
        return "it has an empty part"
    if segment in {".", ".."}:
        return f"{segment!r} leads to another directory"
    if not segment.isprintable():  # NUL, line breaks, and the invisible characters that some file systems ignore
        return "it has a character that cannot be printed"
    if forbidden := _FORBIDDEN.intersection(segment):
        return f"it has the character {min(forbidden)!r}"
    if segment.endswith((".", " ")) or segment.startswith(" "):
        return "a part begins or ends with a space, or ends with a dot"
    if _is_device(segment):
        return "Windows reserves the name for a device"
    if _folded(segment).startswith(OWN_PREFIX):
        return f"names that begin with {OWN_PREFIX!r} are the store's own"
    return "a part is longer than 255 bytes" if len(segment.encode()) > _SEGMENT_BYTES else None


def _collision(handle: str, places: dict[str, tuple[str, bool]]) -> str | None:
    """Note `handle` and its folders in `places` (folded path -> path, is a file); say what it collides with."""
    segments = handle.split("/")
    for length in range(1, len(segments) + 1):
        path, is_file = "/".join(segments[:length]), length == len(segments)
        folded = _folded(path)
        if folded not in places:
            places[folded] = (path, is_file)
            continue
        other, other_is_file = places[folded]
        if other != path:
            return f"{path!r} and {other!r} are one name where case or Unicode form does not count"
        if is_file or other_is_file:
            return "it is named twice" if is_file and other_is_file else f"{path!r} would be both a file and a folder"
    return None


def _folded(path: str) -> str:
    """Return what file systems that ignore case and Unicode form may take `path` for."""
    if path.isascii():
        return path.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFD", path).casefold())


def _is_device(name: str) -> bool:
    return name.partition(".")[0].rstrip(" ").lower() in _DEVICES


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
