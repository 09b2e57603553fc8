"""GET with the rules that no HTTP client has by itself.

Only https, except to this machine; redirects followed here, so that headers stay with the origin they were given
for and https is never left; no netrc, no cookies, no compressed bodies; a server that drips is given up; no error
and no log record shows a query or a password.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from inference_models.configuration import (
    API_CALLS_TIMEOUT,
    DOWNLOAD_MINIMUM_RATE,
    IDEMPOTENT_API_REQUEST_CODES_TO_RETRY,
    OFFLINE,
    is_offline,
)
from inference_models.download.addresses import checked_url, is_loopback, origin_of, require_allowed
from inference_models.download.failures import (
    FAILURES,
    RequestError,
    TransientError,
    describe_failure,
    is_dropped,
    is_lasting,
)
from inference_models.download.logs import without_secrets
from inference_models.download.retries import parse_retry_after
from inference_models.errors import ModelRetrievalError, OfflineModeError, redact_url

__all__ = ["MAX_REDIRECTS", "Response", "Session", "exchange", "get", "open_session", "read_body"]

MAX_REDIRECTS = 5
BLOCK_SIZE = 1 << 20
BLOCK_SECONDS = 0.25
RATE_WINDOW_SECONDS = 30.0

_RECEIVE_SIZE = 1 << 20
_CONNECTIONS = 32
_LONGEST_LENGTH = 18  # digits of a number of bytes; Python refuses to read a number of thousands of them
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ADVICE = {
    401: "The server wants credentials: check the API key.",
    403: "The server refuses access: the link may have expired (load again), or the API key lacks the right.",
    404: "The file is not there: the provider's metadata may be out of date.",
    410: "The file is gone: the link may have expired (load again).",
    429: "The server is asked too often: wait, then try again.",
}

Session: TypeAlias = requests.Session
"""What `open_session` gives and `get` takes."""

Response: TypeAlias = requests.Response
"""What `get` gives and `read_body` takes."""


class _NoAuth(AuthBase):
    """Stops requests from adding passwords of ~/.netrc, while proxies are still read from the environment."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: else requests reads the whole body of a redirect, however long it is."""


@contextmanager
def open_session() -> Iterator[Session]:
    """Yield a session that keeps connections open for several files. Threads may share it."""
    with _Session() as session, without_secrets():
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
        session.auth = _NoAuth()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "inference-models"})
        yield session


@contextmanager
def get(
    session: Session,
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    conditions: Mapping[str, str] | None = None,
    accept: Collection[int] = (200,),
) -> Iterator[Response]:
    """Yield the answer to a GET, its body not read yet.

    Args:
        session: from `open_session`.
        url: https; http only to a loopback address or an allowed origin.
        headers: sent to the origin (scheme, host, port) of `url` only, and to no other after a redirect.
        conditions: headers without secrets, such as Range, for whoever answers.
        accept: the statuses that are an answer; any other is a failure.

    Raises:
        OfflineModeError: the network is switched off.
        TransientError: the server cannot be reached or is busy.
        RequestError: it answers with another status.
        ModelRetrievalError: an address is not allowed, or the body is compressed.
        PolicyViolationError: the policy does not allow an origin.
    """
    with exchange(session, url, headers, conditions) as response:
        _accept(response, accept)
        yield response


@contextmanager
def exchange(
    session: Session,
    url: str,
    headers: Mapping[str, str] | None = None,
    conditions: Mapping[str, str] | None = None,
) -> Iterator[Response]:
    """Yield the answer to a GET whatever its status, once redirects are followed. Takes what `get` takes.

    Raises:
        OfflineModeError: the network is switched off.
        TransientError: the server cannot be reached.
        ModelRetrievalError: an address is not allowed.
        PolicyViolationError: the policy does not allow an origin; nothing was sent there.
    """
    if is_offline():
        raise OfflineModeError(
            f"{redact_url(url)} is not asked, because {OFFLINE.name} switches the network off. Unset it, or load what "
            f"is on this disk already."
        )
    current = checked_url(url)
    require_allowed(current)
    bound = dict(headers or {})
    for _ in range(MAX_REDIRECTS + 1):
        with _request(session, current, {**bound, **(conditions or {})}) as response:
            if response.status_code not in _REDIRECTS:
                yield response
                return
            following = _redirect_target(response, current)
            require_allowed(following, redirected_by=current)
        if origin_of(following) != origin_of(current):
            bound = {}
        current = following
    raise ModelRetrievalError(
        f"{redact_url(url)} redirects more than {MAX_REDIRECTS} times. Its server is misconfigured; tell its provider."
    )


def read_body(response: Response) -> Iterator[bytes]:
    """Yield the body in blocks, and hold it to the length that was announced, if one was.

    A block comes when it is full or old enough, so what a slow server sent is never held back for long.

    Raises:
        TransientError: the body is shorter or longer than announced, or the connection broke.
        ModelRetrievalError: less than `INFERENCE_MODELS_DOWNLOAD_MINIMUM_RATE` arrives.
    """
    announced = announced_length(response)
    receiver = _Receiver(response)
    received = 0
    while block := receiver.block():
        received += len(block)
        if announced is not None and received > announced:
            break
        yield block
    if announced is not None and received != announced:
        more_or_less = "more" if received > announced else f"only {received} bytes"
        raise TransientError(
            f"{redact_url(response.url)} announced {announced} bytes and sent {more_or_less}. Try again."
        )


def announced_length(response: Response) -> int | None:
    """Return the Content-Length of `response`; None without a usable one."""
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_LENGTH else None


class _Receiver:
    """Receives a body, one block after the other, and gives up a server that sends just enough for no timeout."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._shown = redact_url(response.url)
        self._minimum = DOWNLOAD_MINIMUM_RATE.get()
        self._since = time.monotonic()
        self._received = 0
        self._failure: str | None = None

    def block(self) -> bytes:
        """Return what comes until it makes a block; nothing when the body has ended."""
        pieces: list[bytes] = []
        size = 0
        due = time.monotonic() + BLOCK_SECONDS
        while size < BLOCK_SIZE and (size == 0 or time.monotonic() < due):
            piece = self._receive()
            if self._failure is not None and size == 0:
                raise TransientError(
                    f"The download of {self._shown} broke off: {self._failure}. Check the connection and try again."
                )
            if not piece:  # the end, or a failure that the next call tells: what came before it counts
                break
            size += len(piece)
            pieces.append(piece)
            self._check_rate(len(piece))
        return b"".join(pieces)

    def _receive(self) -> bytes:
        if self._failure is None:
            # Not raised in here, so that the original, whose text shows the whole URL, is not attached to it.
            try:
                # One receive each: a full read would wait for the last byte of the block, however slowly it drips.
                return self._response.raw.read1(_RECEIVE_SIZE, decode_content=False) or b""
            except FAILURES as error:
                self._failure = describe_failure(error)
        return b""

    def _check_rate(self, count: int) -> None:
        self._received += count
        elapsed = time.monotonic() - self._since
        if elapsed < RATE_WINDOW_SECONDS:
            return
        if self._received < self._minimum * elapsed:
            raise ModelRetrievalError(
                f"{self._shown} sends too slowly: {self._received} bytes in {elapsed:.0f} s, while {self._minimum:g} "
                f"bytes per second are the least ({DOWNLOAD_MINIMUM_RATE.name}). Try again later."
            )
        self._since, self._received = time.monotonic(), 0


def _request(session: Session, url: str, headers: Mapping[str, str]) -> Response:
    timeout = API_CALLS_TIMEOUT.get()
    host = urlsplit(url).hostname or ""
    # A proxy is another machine: what is meant for this one must not pass through it.
    proxies = {"no_proxy": host} if is_loopback(host) else None
    try:
        return session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout, proxies=proxies)
    except FAILURES as error:
        failure, lasting, dropped = describe_failure(error), is_lasting(error), is_dropped(error)
    message = (
        f"{redact_url(url)} cannot be reached: {failure}. Check the connection, the proxy settings and the address; "
        f"{API_CALLS_TIMEOUT.name} sets how long to wait ({timeout:g} s)."
    )
    raise RequestError(message) if lasting else TransientError(message, dropped=dropped)


def _accept(response: Response, accepted: Collection[int]) -> None:
    status, url = response.status_code, response.url
    if status not in accepted:
        advice = _ADVICE.get(status, "Try again later." if status >= 500 else "Tell the provider of the file.")
        message = f"{redact_url(url)} answered with status {status} instead of a file. {advice}"
        if status in IDEMPOTENT_API_REQUEST_CODES_TO_RETRY.get():
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            raise TransientError(message, status=status, retry_after=retry_after)
        raise RequestError(message, status=status)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        # A few kilobytes can unpack to a full disk, ranges of packed bytes mean nothing, and sizes are of plain ones.
        raise ModelRetrievalError(
            f"{redact_url(url)} sent the file compressed ({encoding[:40]!r}), although it was asked not to. "
            f"The server must be set to send files as they are."
        )


def _redirect_target(response: Response, url: str) -> str:
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
