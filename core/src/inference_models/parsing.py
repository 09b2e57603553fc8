"""From the text of an environment variable to a value. A ValueError says what would have been accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_DEVICE = re.compile(r"[a-z]+(:[0-9]+)?")
_SIZE = re.compile(r"(?P<number>\d{1,18}(\.\d{0,18})?)\s*(?P<prefix>[kmgt]?)(?P<binary>i?)b?", re.ASCII | re.IGNORECASE)
_SIZE_PREFIXES = ("", "k", "m", "g", "t")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def parse_flag(text: str) -> bool:
    """Parse 1/true/yes/on and 0/false/no/off in any case; empty is off."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("1, true, yes, on, 0, false, no or off")


def parse_names(text: str) -> tuple[str, ...]:
    """Parse a comma-separated list; brackets and quotes around it are tolerated."""
    parts = text.strip("[]").split(",")
    return tuple(name for part in parts if (name := part.strip().strip("'\"")))


def parse_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Parse `key=value` pairs separated by commas."""
    pairs = []
    for name in parse_names(text):
        key, separator, value = name.rpartition("=")
        if not separator or not key.strip() or not value.strip():
            raise ValueError("key=value pairs separated by commas")
        pairs.append((key.strip(), value.strip()))
    return tuple(pairs)


def parse_positive_float(text: str) -> float:
    """Parse a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ValueError("a number above 0")
    return value


def parse_count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise ValueError("a whole number of at least 1")
    return int(text)


def parse_size(text: str) -> int:
    """Parse a number of bytes as people write it: `1000`, `5GB` (10^9 each) or `1.5 GiB` (2^30 each), in any case."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["prefix"]):
        raise ValueError("a size such as 500MB, 5GB or 1.5GiB")
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** _SIZE_PREFIXES.index(match["prefix"].lower()))


def parse_positive_size(text: str) -> int:
    """Parse a number of bytes above zero, see `parse_size`."""
    size = parse_size(text)
    if size < 1:
        raise ValueError("a size above 0, such as 500MB, 5GB or 1.5GiB")
    return size


def parse_statuses(text: str) -> frozenset[int]:
    """Parse HTTP status codes of errors separated by commas."""
    names = parse_names(text)
    if not all(name.isascii() and name.isdigit() and 400 <= int(name[:9]) <= 599 for name in names):
        raise ValueError("HTTP status codes from 400 to 599 separated by commas")
    return frozenset(map(int, names))


def parse_http_origins(text: str) -> frozenset[str]:
    """Parse origins, as in http://10.0.0.5:8080, separated by commas; they come back with their port."""
    return frozenset(map(_http_origin, parse_names(text)))


def _http_origin(text: str) -> str:
    expected = ValueError("origins such as http://10.0.0.5:8080 separated by commas, with nothing after the port")
    try:
        parts = urlsplit(text)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise expected from None
    if parts.scheme != "http" or not parts.hostname or parts.username is not None or parts.path.strip("/"):
        raise expected
    if parts.query or parts.fragment or "*" in parts.hostname:
        raise expected
    return f"http://{parts.hostname}:{port}"


def parse_choice(*choices: str) -> Callable[[str], str]:
    """Return what parses one of `choices`, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(" or ".join(choices))
        return text.lower()

    return parse


def parse_home(text: str) -> Path | None:
    """Parse a directory; empty is as if unset."""
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:
        raise ValueError("a directory, after ~ that of a user whom this machine knows") from None


def parse_policy(text: str) -> Path:
    """Parse a file; empty is a mistake, because what should restrict must not go away with a forgotten value."""
    path = parse_home(text)
    if path is None:
        raise ValueError("the path of a policy file")
    return path


def parse_device(text: str) -> str:
    """Parse a kind of device, with a colon and a number or without, in any case."""
    if not _DEVICE.fullmatch(text.lower()):
        raise ValueError("a name such as 'cpu', 'cuda' or 'cuda:1'")
    return text.lower()


def parse_device_or_none(text: str) -> str | None:
    """Parse a device; empty is as if unset."""
    return parse_device(text) if text else None
