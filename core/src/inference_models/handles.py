"""File handles: the names of a package's files, as a weights provider states them, and which of them are refused.

A handle is a relative path with `/` between folders. It must stay inside the package's directory and mean the same
file on every platform, whatever this one is.
"""

from __future__ import annotations

from collections.abc import Iterable

from inference_models.errors import CorruptedModelPackageError

__all__ = ["OWN_PREFIX", "check_handles", "is_device_name", "problem_of_handles"]

OWN_PREFIX = ".im-"
"""Begins the name of everything that the store itself writes; no file handle may."""

_SEGMENT_BYTES = 255
_HANDLE_BYTES = 1000
_FORBIDDEN = frozenset('<>:"|?*\\')  # Windows; a colon also makes a drive letter or an alternate stream
_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}) | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}


def problem_of_handles(handles: Iterable[str]) -> str | None:
    """Return which handle is refused, why, and what to do, for a package's verdict; None when all are accepted.

    Refused is what would leave the package's directory, or mean different files on some platform.
    """
    places: dict[str, tuple[str, bool]] = {}
    for handle in handles:
        if problem := _problem_of_handle(handle) or _collision(handle, places):
            return f"its file {handle[:200]!r} is refused: {problem}. The weights provider must rename it"
    return None


def check_handles(handles: Iterable[str], package_id: str) -> None:
    """Refuse file handles, see `problem_of_handles`.

    Raises:
        CorruptedModelPackageError: with the handle and the reason.
    """
    if problem := problem_of_handles(handles):
        raise CorruptedModelPackageError(f"Model package {package_id!r} cannot be used: {problem}.")


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
    if is_device_name(segment):
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


def is_device_name(name: str) -> bool:
    """Return whether Windows takes a file of this name for a device, whatever its suffix."""
    return name.partition(".")[0].rstrip(" ").lower() in _DEVICES
