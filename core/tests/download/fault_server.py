"""An HTTP server on a loopback address that serves bytes and, when told, misbehaves."""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away, as in the tests that kill them."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FaultServer:
    """Serves what `serve` and `route` name, anything else is 404. Remembers every request with its headers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.heads = 0
        self._routes: dict[str, Callable[[BaseHTTPRequestHandler], object]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                responder = outer._routes.get(self.path.partition("?")[0])
                try:
                    if responder is None:
                        answer(self, b"", status=404)
                    else:
                        responder(self)
                except ConnectionError:
                    pass  # the client went away, as in the tests that kill it

            def do_HEAD(self) -> None:
                outer.heads += 1
                answer(self, b"", status=403)

            def end_headers(self) -> None:
                self.send_header("Connection", "close")  # said, not only done: else the client may reuse it
                super().end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._server.server_address[1]}{path}"

    def route(self, path: str, responder: Callable[[BaseHTTPRequestHandler], object]) -> str:
        self._routes[path] = responder
        return self.url(path)

    def serve(self, path: str, body: bytes, **options: Any) -> str:
        """Serve `body` with the options of `answer`. Return its URL."""
        return self.route(path, lambda handler: answer(handler, body, **options))

    def file(self, path: str, body: bytes, *, faults: Iterable[Callable[..., object]] = (), **options: Any) -> str:
        """Serve `body` in parts, with the options of `answer_range`, once each of `faults` has answered a request.

        A fault is called with the handler and a function that serves the body after all, with further options.
        """
        left, lock = list(faults), threading.Lock()

        def respond(handler: BaseHTTPRequestHandler) -> None:
            def serve(**more: Any) -> None:
                answer_range(handler, **{"body": body, **options, **more})

            with lock:
                fault = left.pop(0) if left else None
            fault(handler, serve) if fault is not None else serve()

        return self.route(path, respond)

    def ranges(self, path: str) -> list[str | None]:
        """What the requests for `path` asked for, in order."""
        return [headers.get("range") for asked, headers in self.requests if asked.partition("?")[0] == path]

    @staticmethod
    def status(status: int, **headers: str) -> Callable[..., object]:
        """A fault: this status, with headers such as Retry_After."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda handler, serve: answer(handler, b"busy", status=status, headers=named)

    @staticmethod
    def cut(count: int, *, is_reset: bool = False) -> Callable[..., object]:
        """A fault: the connection ends after `count` bytes of the body."""
        return lambda handler, serve: serve(count=count, is_reset=is_reset)

    @staticmethod
    def with_options(**options: Any) -> Callable[..., object]:
        """A fault: as usual, but with these options of `answer_range`."""
        return lambda handler, serve: serve(**options)

    def count(self, path: str) -> int:
        return sum(asked.partition("?")[0] == path for asked, _ in self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def answer(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    *,
    status: int = 200,
    length: int | None = -1,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with `body` and a Content-Length of `length`; -1: the right one, None: none."""
    handler.send_response(status)
    if length is not None:
        handler.send_header("Content-Length", str(len(body) if length == -1 else length))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


def answer_range(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    *,
    etag: str | None = None,
    ranges: bool = True,
    count: int | None = None,
    is_reset: bool = False,
    shift: int = 0,
    headers: Mapping[str, str] | None = None,
    rate: float = float("inf"),
    piece: int = 1 << 16,
) -> None:
    """Answer with the part of `body` that is asked for.

    Args:
        handler: of the request.
        body: the whole file.
        etag: its validator.
        ranges: whether parts are served at all; else all of it comes, whatever is asked for.
        count: how many bytes to send before the connection ends; None: all.
        is_reset: end it with a reset.
        shift: how many bytes beside what was asked for the part begins.
        headers: further ones.
        rate: bytes per second.
        piece: how many bytes are written at once.
    """
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    if asked is None or not ranges or (condition is not None and condition != etag):
        first, stop, status = 0, len(body), 200
    else:
        first = int(asked[1]) + shift
        stop, status = min(int(asked[2] or len(body)) + shift + 1, len(body)), 206
    if first >= len(body) > 0 or (status == 206 and not body):
        answer(handler, b"", status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        return
    handler.send_response(status)
    handler.send_header("Content-Length", str(stop - first))
    if status == 206:
        handler.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(body)}")
    for name, value in {**({"ETag": etag} if etag else {}), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    last = stop if count is None else min(stop, first + count)
    for start in range(first, last, piece):
        handler.wfile.write(body[start : min(start + piece, last)])
        time.sleep(piece / rate)
    if is_reset:
        time.sleep(0.05)  # else the reset overtakes what was sent
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
