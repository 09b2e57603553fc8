"""Which addresses may be asked: https anywhere, http on this machine and where the configuration allows it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3 import exceptions as urllib3_errors

from inference_models.configuration import ALLOWED_HTTP_ORIGINS
from inference_models.errors import ModelRetrievalError, redact_url
from inference_models.policy import current_policy

__all__ = ["Origin", "checked_url", "is_loopback", "origin_of", "require_allowed"]

Origin: TypeAlias = tuple[str, str, int | None]
"""Scheme, host and port: what credentials are bound to."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# UnicodeError (a ValueError): host names that no encoding makes valid.
_PARSE_FAILURES = (requests.RequestException, urllib3_errors.HTTPError, ValueError)


def checked_url(url: str, prefix: str = "") -> str:
    """Return `url` as it will be sent.

    Args:
        url: any text.
        prefix: begins the messages.

    Raises:
        ModelRetrievalError: it may not be used.
    """
    parts = _parsed(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ModelRetrievalError(f"{prefix}The address is not a valid http or https URL, such as https://host/path.")
    shown = redact_url(parts.geturl())
    if parts.username is not None or parts.password is not None:
        raise ModelRetrievalError(
            f"{prefix}{shown} was given with a user name or password in the address, where they leak into logs. "
            f"The provider must pass them as headers."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname) and not _is_allowed(parts):
        raise ModelRetrievalError(
            f"{prefix}{shown} is plain http, where anybody on the way can read and change the file. Only https is "
            f"used, except for loopback addresses (127.0.0.1, ::1, localhost). Use the https address, or, for a server "
            f"of your own, name its origin in {ALLOWED_HTTP_ORIGINS.name}."
        )
    return parts.geturl()


def require_allowed(url: str, redirected_by: str | None = None) -> None:
    """Refuse a URL whose origin the policy does not allow. It must have passed `checked_url`.

    Args:
        url: any.
        redirected_by: the URL that led to it, if it was not asked for itself.

    Raises:
        PolicyViolationError: with the policy's file.
        InvalidPolicyError: the policy cannot be used.
    """
    policy = current_policy()
    by = "is not asked" if redirected_by is None else f"is not asked, to which {redact_url(redirected_by)} redirects"
    policy.require(f"{redact_url(url)} {by}", policy.refuse_url(url))


def origin_of(url: str) -> Origin:
    """Return the origin of `url`, which `checked_url` has passed."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Return whether `host` means this machine, without asking anybody."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_allowed(parts: SplitResult) -> bool:
    return f"http://{parts.hostname}:{parts.port or _DEFAULT_PORTS['http']}" in ALLOWED_HTTP_ORIGINS.get()


def _parsed(url: str) -> SplitResult | None:
    """Return the parts of `url` as requests will see it, so that no two parsers can disagree on the host."""
    if "\\" in url or not url.isprintable():
        return None
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
        parts = urlsplit(prepared.url or "")
        return parts if parts.port != 0 else None  # reading the port raises when it is not a number
    except _PARSE_FAILURES:
        return None
