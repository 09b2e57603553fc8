"""What can go wrong with an answer, for `Server.fail` of api_server.py. Only the standard library.

Each returns a function of the handler, which has `reply(body, status, headers, length)`. It answers instead of the
server, or returns True to let the server answer after all.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

Fault = Callable[[Any], bool | None]


def status(code: int, body: str = "", *, retry_after: object = None) -> Fault:
    """Answer with a status."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda handler: handler.reply(body.encode(), code, headers)


def raw(body: bytes, *, content_type: str = "application/json", **headers: str) -> Fault:
    """Answer 200 with `body`, whatever it is. Header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.reply(body, 200, {"Content-Type": content_type, **named})


def redirect(location: str, code: int = 302) -> Fault:
    """Answer with a redirect."""
    return lambda handler: handler.reply(b"", code, {"Location": location})


def cut(length: int, body: bytes = b'{"modelMetadata": ') -> Fault:
    """Announce `length` bytes, send `body` and close the connection."""

    def fault(handler: Any) -> None:
        handler.close_connection = True
        handler.reply(body, length=length)

    return fault


def reset() -> Fault:
    """Break the connection off before an answer."""

    def fault(handler: Any) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        raise ConnectionAbortedError

    return fault


def silence(seconds: float) -> Fault:
    """Say nothing for a while, then close the connection."""

    def fault(handler: Any) -> None:
        time.sleep(seconds)
        raise ConnectionAbortedError

    return fault


def slow(seconds: float) -> Fault:
    """Wait, then let the server answer."""

    def fault(_: Any) -> bool:
        time.sleep(seconds)
        return True

    return fault


def drip(seconds: float, interval: float = 0.05) -> Fault:
    """Send one byte at a time for so many seconds."""

    def fault(handler: Any) -> None:
        handler.close_connection = True
        handler.reply(b"", length=1_000_000)
        for _ in range(int(seconds / interval)):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(interval)

    return fault
