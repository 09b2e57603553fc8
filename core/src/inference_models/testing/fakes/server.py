"""Files behind a real HTTP server on the loopback interface, with the standard library alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class FileServer:
    """Serves bytes by path, whole or from an offset. A context manager; the port is free again afterwards.

    Attributes:
        contents: what is served, by path with its leading slash. May change while it runs.
        token: what requests must send as `Authorization: Bearer ...`; None: nothing.
        requests: the paths that were asked for, with their queries, in order.
    """

    def __init__(self, contents: Mapping[str, bytes] | None = None, token: str | None = None) -> None:
        self.contents = dict(contents or {})
        self.token = token
        self.requests: list[str] = []
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port. Raises: RuntimeError when it does not run."""
        if self._server is None:
            raise RuntimeError("The server does not run: use it in a `with` statement.")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler_of(served: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.requests.append(self.path)
            content = served.contents.get(urlsplit(self.path).path)
            if served.token is not None and self.headers.get("Authorization") != f"Bearer {served.token}":
                self._answer(401, b"")
            elif content is None:
                self._answer(404, b"")
            else:
                self._answer_file(content)

        do_HEAD = do_GET  # noqa: N815 (likewise)

        def _answer_file(self, content: bytes) -> None:
            start, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
            if not start.isdigit():
                self._answer(200, content, {"Accept-Ranges": "bytes"})
                return
            first, last = int(start), min(int(end) if end.isdigit() else len(content), len(content) - 1)
            if first > last:
                self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            else:
                self._answer(206, content[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(content)}"})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: tests look at `requests`."""

    return Handler
