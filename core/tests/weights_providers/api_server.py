"""A server that speaks Roboflow's weights API over a real socket, with files on another origin, and breaks on demand.

Only the standard library, so any test can use it; `conftest.py` beside it has the fixture `api`:

    api.add_model("ws/proj/3", [onnx_package("p1", api.files)])      what the API knows; `page_size=` splits it
    api.keys = {"good-key"}                                          None: no key is asked for
    api.fail(status(503), status(429, retry_after=1))                the next answers, one for each request
    api.files.fail(cut(9, b"half"), path="/p1/weights.onnx")         likewise for files, here for one path only
    api.url, api.requests, api.files.requests, api.files.count(path)

`faults.py` beside it has the faults: functions of the handler that answer instead of the server.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Fault = Callable[[Any], bool | None]
"""Takes the handler. Returns True when the server is to answer after all."""

WEIGHTS_PATH = "/models/v1/external/weights"


class Server(AbstractContextManager[Any]):
    """One origin on a loopback port. Subclasses say what it answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._faults: list[tuple[str | None, Fault]] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    outer._serve(self)
                except OSError:
                    self.close_connection = True  # the client went away, as it may

            def do_HEAD(self) -> None:
                self.do_GET()

            def reply(
                self,
                body: bytes,
                status: int = 200,
                headers: Mapping[str, str] | None = None,
                length: int | None = None,
            ) -> None:
                """Answer with `body` and the right Content-Length, or `length`."""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                    self.wfile.flush()

            def reply_json(self, document: object, status: int = 200) -> None:
                self.reply(json.dumps(document).encode(), status, {"Content-Type": "application/json"})

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        class _HTTPServer(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self._server = _HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, *faults: Fault, path: str | None = None) -> None:
        """Let the next requests (for `path`; None: for any) meet these faults, one each."""
        with self._lock:
            self._faults += [(path, fault) for fault in faults]

    def count(self, path: str | None = None) -> int:
        """Return how many requests came (for `path`)."""
        return sum(path is None or urlsplit(asked).path == path for asked, _ in self.requests)

    def answer(self, handler: Any) -> None:
        """Answer a request that meets no fault."""
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, handler: Any) -> None:
        path = urlsplit(handler.path).path
        with self._lock:
            self.requests.append((handler.path, {name.lower(): value for name, value in handler.headers.items()}))
            fault = next((entry for entry in self._faults if entry[0] in (None, path)), None)
            if fault is not None:
                self._faults.remove(fault)
        if fault is None or fault[1](handler):
            self.answer(handler)


class FileServer(Server):
    """Serves bytes by path, whole or by range."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, bytes] = {}

    def add(self, path: str, content: bytes) -> dict[str, Any]:
        """Serve `content` at `path`. Return it as the API lists a file, without its handle."""
        self.contents[path] = content
        return {"downloadUrl": f"{self.url}{path}", "md5Hash": hashlib.md5(content).hexdigest()}

    def answer(self, handler: Any) -> None:
        """Answer 200, 206 or 416 as RFC 9110 has it."""
        content = self.contents.get(urlsplit(handler.path).path)
        if content is None:
            handler.reply(b"", 404)
            return
        first, last = _range(handler.headers.get("Range"), len(content))
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if first is None:
            handler.reply(content, headers=headers)
        elif first > last:
            handler.reply(b"", 416, {"Content-Range": f"bytes */{len(content)}"})
        else:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            handler.reply(content[first : last + 1], 206, headers)


class ApiServer(Server):
    """Speaks `GET /models/v1/external/weights`, also as a gateway (`GET /proxy?url=`)."""

    def __init__(self) -> None:
        super().__init__()
        self.files = FileServer()
        self.keys: set[str] | None = None
        self.pages: dict[str, dict[str | None, dict[str, Any]]] = {}

    def add_model(
        self, model_id: str, packages: Iterable[object], *, page_size: int | None = None, **header: object
    ) -> None:
        """Let the API know a model.

        Args:
            model_id: the id.
            packages: as they stand in `modelPackages`.
            page_size: packages on a page; None: all on one.
            header: further keys of `modelMetadata`, or others than the usual ones.
        """
        packages = list(packages)
        size = page_size or max(len(packages), 1)
        starts = list(range(0, max(len(packages), 1), size))
        pages: dict[str | None, dict[str, Any]] = {}
        for number, start in enumerate(starts):
            following = f"after-{number}" if number + 1 < len(starts) else None
            page = {
                "type": "external-model-metadata-v1",
                "modelId": model_id,
                "modelArchitecture": "yolov8",
                "modelVariant": "yolov8n",
                "taskType": "object-detection",
                "modelPackages": packages[start : start + size],
                "nextPage": following,
                **header,
            }
            pages[f"after-{number - 1}" if number else None] = page
        self.pages[model_id] = pages

    def answer(self, handler: Any) -> None:
        """Answer as the API does."""
        target = urlsplit(handler.path)
        if target.path == "/proxy":
            target = urlsplit(parse_qs(target.query)["url"][0])
        query = parse_qs(target.query)
        scheme, _, key = handler.headers.get("Authorization", "").partition(" ")
        pages = self.pages.get(query.get("modelId", [""])[0])
        page = (pages or {}).get(query.get("startAfter", [None])[0])
        if target.path != WEIGHTS_PATH or pages is None:
            handler.reply_json({"error": "not found"}, 404)
        elif self.keys is not None and (scheme != "Bearer" or key not in self.keys):
            handler.reply_json({"error": "unauthorised"}, 401)
        elif page is None:
            handler.reply_json({"error": "no such page"}, 400)
        else:
            handler.reply_json({"modelMetadata": page})

    def close(self) -> None:
        """Stop both origins."""
        super().close()
        self.files.close()


def onnx_package(package_id: str, files: FileServer, weights: bytes = b"weights", **changes: object) -> dict[str, Any]:
    """Return an ONNX package as the API lists it, its files served by `files`. `changes` replace keys."""
    contents = {"weights.onnx": weights, "class_names.txt": b"cat\ndog\n", "inference_config.json": b"{}"}
    listed = [
        {"fileHandle": handle, **files.add(f"/{package_id}/{handle}", content)} for handle, content in contents.items()
    ]
    manifest = {
        "type": "onnx-model-package-v1",
        "backendType": "onnx",
        "dynamicBatchSize": False,
        "staticBatchSize": 1,
        "quantization": "fp32",
        "opset": 17,
    }
    return {
        "type": "external-model-package-v1",
        "packageId": package_id,
        "packageManifest": manifest,
        "packageFiles": listed,
        "trustedSource": False,
        **changes,
    }


def _range(header: str | None, size: int) -> tuple[int | None, int]:
    """Return the first and last byte that a Range header asks for; None when it asks for everything."""
    unit, _, bounds = (header or "").partition("=")
    first, _, last = bounds.partition("-")
    if unit != "bytes" or not first.isdigit() or not (last.isdigit() or not last):
        return None, 0
    return int(first), min(int(last) if last else size - 1, size - 1)
