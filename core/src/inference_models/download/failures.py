"""What can go wrong with a request, in words without secrets, and whether another try may help."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import requests
from urllib3 import exceptions as urllib3_errors

from inference_models.errors import ModelRetrievalError

__all__ = ["FAILURES", "RequestError", "TransientError", "describe_failure", "is_dropped", "is_lasting"]

# UnicodeError: host names that no encoding makes valid. HTTPError: requests lets a few of urllib3's through.
# OSError, ValueError: what a connection raises when another thread has shut it down, and read1 on a closed file.
FAILURES = (requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError)

# NewConnectionError is a kind of timeout to urllib3, but means a refusal, which its cause tells.
_TIMEOUTS = (requests.Timeout, urllib3_errors.TimeoutError, TimeoutError)
# Another try cannot help: it is not the connection that is wrong. ValueError: a host name, address or header is.
_LASTING = (ValueError, ssl.SSLCertVerificationError)
_HEADER_ENCODING = "latin-1"  # of UnicodeEncodeError; that of a host name is "idna"


class RequestError(ModelRetrievalError):
    """A request did not give what it was made for.

    Attributes:
        status: of the answer; None when there was none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        # To users, it is a ModelRetrievalError and explained as one.
        super().__init__(message, ModelRetrievalError("").help_url)
        self.status = status


class TransientError(RequestError):
    """The server was not reached, is busy or broke off: the same request may succeed later.

    Attributes:
        retry_after: seconds that the server asks to wait.
        dropped: the connection ended before any answer, as one does that was kept open for too long.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None, dropped: bool = False
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after
        self.dropped = dropped


def is_lasting(error: BaseException) -> bool:
    """Return whether the next try would fail in the same way."""
    return any(isinstance(link, _LASTING) for link in _chain(error))


def is_dropped(error: BaseException) -> bool:
    """Return whether an open connection ended before the answer began."""
    links = list(_chain(error))
    refused = any(isinstance(link, (urllib3_errors.NewConnectionError, *_TIMEOUTS)) for link in links)
    return not refused and any(isinstance(link, (ConnectionResetError, BrokenPipeError)) for link in links)


def describe_failure(error: BaseException) -> str:
    """Say what went wrong without the texts of requests, which show whole URLs."""
    names = []
    for link in _chain(error):
        if isinstance(link, _TIMEOUTS) and not isinstance(link, urllib3_errors.NewConnectionError):
            return "the server stayed silent for too long"
        if isinstance(link, urllib3_errors.IncompleteRead):
            return f"the body ended after {link.partial} bytes, {link.expected} more were announced"
        if isinstance(link, requests.exceptions.InvalidHeader) or getattr(link, "encoding", None) == _HEADER_ENCODING:
            return "a header holds what no header can, such as a key with a line break or a foreign letter"
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
