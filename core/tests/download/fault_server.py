"""An HTTP server on a loopback address that serves bytes and, when told, misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FaultServer:
    """Serves what `serve` and `route` name, anything else is 404. Remembers every request with its headers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
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

            def end_headers(self) -> None:
                self.send_header("Connection", "close")  # said, not only done: else the client may reuse it
                super().end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
