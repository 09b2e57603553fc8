"""Patterns of origins: scheme, host and port, as in https://*.example.com:8443."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import frozen

__all__ = ["DEFAULT_PORTS", "OriginPattern", "host_of"]

DEFAULT_PORTS = {"http": 80, "https": 443}
_PATTERN = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?/?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LARGEST_PORT = 65_535


@frozen
class OriginPattern:
    """Origins that a policy allows.

    Attributes:
        scheme: "http" or "https".
        host: in lower case and ASCII, without the dot of the root; of an IPv6 address, its shortest form.
        port: always a number.
        with_subdomains: whether it stands for all names below `host`, at any depth, and not for `host` itself.
    """

    scheme: str
    host: str
    port: int
    with_subdomains: bool = False

    @classmethod
    def parse(cls, text: str) -> OriginPattern:
        """Read a pattern. Raises: ValueError, which says what would have been accepted."""
        match = _PATTERN.fullmatch(text.lower()) if text.isascii() else None
        if match is None:
            raise ValueError(
                "origins such as https://api.example.com, https://*.example.com:8443 or http://10.0.0.5:8080: no path, "
                "no user name, a star for whole names in front only, other scripts in their ASCII form (xn--...)"
            )
        port = int(match["port"] or DEFAULT_PORTS[match["scheme"]])
        with_subdomains = match["host"].startswith("*.")
        host = host_of(match["host"].removeprefix("*."))
        if not 0 < port <= _LARGEST_PORT or host is None or (with_subdomains and _is_address(host)):
            raise ValueError("origins with a host name or an IP address, and a port from 1 to 65535")
        return cls(match["scheme"], host, port, with_subdomains)

    def allows(self, url: str) -> bool:
        """Return whether `url` is at such an origin. What cannot be taken apart, or holds a user name, is not."""
        try:
            parts = urlsplit(url)
            port = DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
        except ValueError:
            return False
        host = host_of(parts.hostname or "")
        if host is None or "@" in parts.netloc or (parts.scheme, port) != (self.scheme, self.port):
            return False
        return host.endswith(f".{self.host}") if self.with_subdomains else host == self.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{'*.' if self.with_subdomains else ''}{host}{port}"


def host_of(text: str) -> str | None:
    """Return a host in the one way in which hosts are compared; None when it is no plain name and no address.

    A dot at the end names the same host: only the search for shorter names in the local domain is left out.
    """
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        name = text.lower().removesuffix(".")
    return name if all(map(_LABEL.fullmatch, name.split("."))) else None


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
