"""GET with the rules that no HTTP client has by itself.

Only https, except to this machine; redirects followed here, so that headers stay with the origin they were given
for and https is never left; no netrc, no cookies, no compressed bodies; no error shows a query or a password.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.auth import AuthBase
from urllib3 import exceptions as urllib3_errors

from inference_models.configuration import ALLOWED_HTTP_ORIGINS, API_CALLS_TIMEOUT
from inference_models.download.integrity import CHUNK_SIZE
from inference_models.errors import ModelRetrievalError, redact_url

__all__ = [
    "FAILURES",
    "MAX_REDIRECTS",
    "Session",
    "TransientError",
    "checked_url",
    "describe_failure",
    "exchange",
    "get",
    "open_session",
    "read_body",
]

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# UnicodeError: host names that no encoding makes valid. HTTPError: requests lets a few of urllib3's through.
FAILURES = (requests.RequestException, urllib3_errors.HTTPError, UnicodeError)
# NewConnectionError is a kind of timeout to urllib3, but means a refusal, which its cause tells.
_TIMEOUTS = (requests.Timeout, urllib3_errors.TimeoutError, TimeoutError)
_ADVICE = {
    401: "The server wants credentials: check the API key.",
    403: "The server refuses access: the link may have expired (load again), or the API key lacks the right.",
    404: "The file is not there: the provider's metadata may be out of date.",
    429: "The server is asked too often: wait, then try again.",
}

Session: TypeAlias = requests.Session
"""What `open_session` gives and `get` takes."""


class TransientError(ModelRetrievalError):
    """The server was not reached or broke off: the same request may succeed later."""


class _NoAuth(AuthBase):
    """Stops requests from adding passwords of ~/.netrc, while proxies are still read from the environment."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: else requests reads the whole body of a redirect, however long it is."""


@contextmanager
def open_session() -> Iterator[Session]:
    """Yield a session that keeps connections open for several files."""
    with _Session() as session:
        session.auth = _NoAuth()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "inference-models"})
        yield session


@contextmanager
def get(session: Session, url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
    """Yield the answer to a GET, its body not read yet.

    Args:
        session: from `open_session`.
        url: https; http only to a loopback address.
        headers: sent to the origin (scheme, host, port) of `url` only, and to no other after a redirect.

    Raises:
        ModelRetrievalError: the URL is not allowed, the server cannot be reached or does not answer 200.
    """
    with exchange(session, url, headers) as response:
        _accept(response, response.url)
        yield response


@contextmanager
def exchange(session: Session, url: str, headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
    """Yield the answer to a GET whatever its status, once redirects are followed. Takes what `get` takes.

    Raises:
        TransientError: the server cannot be reached.
        ModelRetrievalError: an address is not allowed.
    """
    current = checked_url(url)
    headers = dict(headers or {})
    for _ in range(MAX_REDIRECTS + 1):
        with _request(session, current, headers) as response:
            if response.status_code not in _REDIRECTS:
                yield response
                return
            following = _redirect_target(response, current)
        if _origin(following) != _origin(current):
            headers = {}
        current = following
    raise ModelRetrievalError(
        f"{redact_url(url)} redirects more than {MAX_REDIRECTS} times. Its server is misconfigured; tell its provider."
    )


def read_body(response: requests.Response) -> Iterator[bytes]:
    """Yield the body in chunks, and hold it to the length that was announced, if one was.

    Raises:
        ModelRetrievalError: the body is shorter or longer than announced, or the connection broke.
    """
    announced = _announced_length(response)
    received = 0
    chunks = response.iter_content(CHUNK_SIZE)
    while True:
        failure = None
        try:
            chunk = next(chunks, None)
        except FAILURES as error:
            failure = describe_failure(error)
        # Raised out here, so that the original, whose text shows the whole URL, is not attached to it.
        if failure is not None:
            raise TransientError(
                f"The download of {redact_url(response.url)} broke off: {failure}. Check the connection and try again."
            )
        if chunk is None:
            break
        received += len(chunk)
        if announced is not None and received > announced:
            break
        yield chunk
    if announced is not None and received != announced:
        more_or_less = "more" if received > announced else f"only {received}"
        raise ModelRetrievalError(
            f"{redact_url(response.url)} announced {announced} bytes and sent {more_or_less}. Try again."
        )


def _request(session: Session, url: str, headers: Mapping[str, str]) -> requests.Response:
    timeout = API_CALLS_TIMEOUT.get()
    host = urlsplit(url).hostname or ""
    # A proxy is another machine: what is meant for this one must not pass through it.
    proxies = {"no_proxy": host} if _is_loopback(host) else None
    try:
        return session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout, proxies=proxies)
    except FAILURES as error:
        failure = describe_failure(error)
    raise TransientError(
        f"{redact_url(url)} cannot be reached: {failure}. Check the connection, the proxy settings and the address; "
        f"{API_CALLS_TIMEOUT.name} sets how long to wait ({timeout:g} s)."
    )


def _accept(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status != requests.codes.ok:
        advice = _ADVICE.get(status, "Try again later." if status >= 500 else "Tell the provider of the file.")
        raise ModelRetrievalError(f"{redact_url(url)} answered with status {status} instead of a file. {advice}")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise ModelRetrievalError(
            f"{redact_url(url)} sent the file compressed ({encoding[:40]!r}), although it was asked not to. "
            f"The server must be set to send files as they are."
        )


def _announced_length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _redirect_target(response: requests.Response, url: str) -> str:
    location = response.headers.get("Location")
    if not location:
        raise ModelRetrievalError(
            f"{redact_url(url)} answered with status {response.status_code}, a redirect that leads nowhere. "
            f"Tell the provider of the file."
        )
    # Header bytes arrive decoded as latin-1; addresses are UTF-8.
    try:
        target = urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace"))
    except ValueError:
        target = ""
    following = checked_url(target, f"{redact_url(url)} redirects to an address that is not used: ")
    if urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https":
        raise ModelRetrievalError(
            f"{redact_url(url)} redirects to {redact_url(following)}, from https to plain http, where anybody on the "
            f"way can change the file. Tell the provider of the file."
        )
    return following


def checked_url(url: str, prefix: str = "") -> str:
    """Return `url` as it will be sent.

    Raises:
        ModelRetrievalError: it may not be used: malformed, with a password in it, or plain http to another machine
            that the configuration does not allow. The message begins with `prefix`.
    """
    parts = _parsed(url)
    if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ModelRetrievalError(f"{prefix}The download address is not a valid http or https URL.")
    shown = redact_url(parts.geturl())
    if parts.username is not None or parts.password is not None:
        raise ModelRetrievalError(
            f"{prefix}{shown} was given with a user name or password in the address, where they leak into logs. "
            f"The provider must pass them as headers."
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname) and not _is_allowed(parts):
        raise ModelRetrievalError(
            f"{prefix}{shown} is plain http, where anybody on the way can read and change the file. Only https is "
            f"used, except for loopback addresses (127.0.0.1, ::1, localhost). Use the https address, or, for a server "
            f"of your own, name its origin in {ALLOWED_HTTP_ORIGINS.name}."
        )
    return parts.geturl()


def _parsed(url: str) -> SplitResult | None:
    """Return the parts of `url` as requests will see it, so that no two parsers can disagree on the host."""
    if "\\" in url or not url.isprintable():
        return None
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
        parts = urlsplit(prepared.url or "")
        return parts if parts.port != 0 else None  # reading the port raises when it is not a number
    except (*FAILURES, ValueError):
        return None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_allowed(parts: SplitResult) -> bool:
    return f"http://{parts.hostname}:{parts.port or _DEFAULT_PORTS['http']}" in ALLOWED_HTTP_ORIGINS.get()


def describe_failure(error: BaseException) -> str:
    """Say what went wrong without the texts of requests, which show whole URLs."""
    names = []
    for link in _chain(error):
        if isinstance(link, _TIMEOUTS) and not isinstance(link, urllib3_errors.NewConnectionError):
            return "the server stayed silent for too long"
        if isinstance(link, urllib3_errors.IncompleteRead):
            return f"the body ended after {link.partial} bytes, {link.expected} more were announced"
        if isinstance(link, (UnicodeError, urllib3_errors.LocationParseError)):
            return "the host name is not valid"
        if isinstance(link, ssl.SSLError):
            return f"the secure connection failed ({link.strerror or type(link).__name__})"
        if isinstance(link, OSError) and not isinstance(link, requests.RequestException) and link.errno is not None:
            return link.strerror or os.strerror(link.errno)
        if isinstance(link, ConnectionError):
            return "the server closed the connection"
        names.append(type(link).__name__)
    return names[0]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it wraps: requests and urllib3 nest in arguments and attributes, not only in causes."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        link = queue.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            queue += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
