"""Acme's index and its file host over real sockets, on two origins, with signatures that expire.

The file host signs with HMAC-SHA256 over path and expiry, as object stores do, and looks at its own clock, which
tests move: so a download "takes longer than its signature lives" in no time at all. Standard library only.

    with AcmeServer() as acme:
        acme.publish("line-7/defects", 4, directory)      a package directory becomes version 4
        acme.url, acme.token                              what ACME_INDEX and ACME_TOKEN are to be
        acme.files.stalls = [(50_000, 120)]               the next file breaks off after 50,000 bytes and two minutes
        acme.requests, acme.files.requests                (path, headers, status) of what was asked
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

SIGNATURE_LIFE = 60  # seconds

Answer = tuple[int, bytes, dict[str, str]]


class Origin(AbstractContextManager[Any]):
    """One origin on a loopback port. Subclasses say what it answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], int]] = []
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, body, more = origin.answer(self.path, headers)
                origin.requests.append((self.path, headers, status))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                sent = origin.cut(status, len(body))
                self.close_connection = sent < len(body)
                try:
                    self.wfile.write(body[:sent])
                except ConnectionError:
                    self.close_connection = True  # the client went away, as it may

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        """Return status, body and headers."""
        raise NotImplementedError

    def cut(self, status: int, length: int) -> int:
        """Return how many bytes of a body are sent before the connection ends; `length`: it does not end."""
        return length

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FileHost(Origin):
    """Serves files to whoever has a signature that is right and not too old. It knows no tokens."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.stalls: list[tuple[int, float]] = []
        self.clock = 1_800_000_000.0
        self._key = secrets.token_bytes(32)
        super().__init__()

    def sign(self, path: str) -> str:
        """Return an address of `path` that is good from now on for `SIGNATURE_LIFE` seconds."""
        expires = int(self.clock) + SIGNATURE_LIFE
        return f"{self.url}{path}?expires={expires}&signature={self._signature(path, expires)}"

    def _signature(self, path: str, expires: int) -> str:
        return hmac.new(self._key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        """Answer 200 or 206; 403 without a good signature, also when there is no such file."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        expires, content = query.get("expires", "0"), self.contents.get(parts.path)
        expected = self._signature(parts.path, int(expires) if expires.isdecimal() else 0)
        is_signed = hmac.compare_digest(expected, query.get("signature", ""))
        if not is_signed or content is None or int(expires) < self.clock:
            return 403, b"expired, or not signed", {}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        common = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        if asked is None:
            return 200, content, common
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        return 206, content[first : last + 1], {**common, "Content-Range": f"bytes {first}-{last}/{len(content)}"}

    def cut(self, status: int, length: int) -> int:
        """Let the next stall happen, if there is one: time passes, and then the connection ends."""
        if status in (200, 206) and self.stalls and length > self.stalls[0][0]:
            sent, seconds = self.stalls.pop(0)
            self.clock += seconds
            return sent
        return length


class AcmeServer(Origin):
    """Acme's index: `GET /v1/models`, `/v1/models/LINE/NAME/VERSION` and `.../packages/ID/files/NAME`."""

    def __init__(self) -> None:
        self.files = FileHost()
        self.token = f"acme_{secrets.token_urlsafe(24)}"
        self.models: dict[str, dict[int, dict[str, Any]]] = {}
        self.hidden: set[str] = set()  # names that the token may not see: 403
        self.broken: tuple[int, bytes] | None = None
        super().__init__()

    def publish(self, name: str, version: int, directory: Path, **changes: Any) -> None:
        """Publish the files of a package directory as a version of a model. `changes` replace keys of the document."""
        config = json.loads((directory / "model_config.json").read_text("utf-8"))
        rows = []
        for path in sorted(set(directory.iterdir()) - {directory / "model_config.json"}):  # the document says all that
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            self.files.contents[f"/{digest}"] = content
            rows.append({"name": path.name, "size": len(content), "sha256": digest})
        package = {"id": "onnx-fp32", "backend": config["backend_type"], "quantization": "fp32", "files": rows}
        self.models.setdefault(name, {})[version] = {
            "name": name,
            "version": version,
            "architecture": config["model_architecture"],
            "task": config["task_type"],
            "license": "LicenseRef-Acme-Customer",
            "datasheet": f"https://acme.example/datasheets/{name}/{version}",
            "released": True,
            "packages": [package],
            **changes,
        }

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        """Answer as the index does; with `broken` set, always so."""
        if self.broken is not None:
            return *self.broken, {}
        if not hmac.compare_digest(headers.get("authorization", ""), f"Bearer {self.token}"):
            return _json({"error": f"bad token {headers.get('authorization')}"}, 401)  # servers do say such things
        if target == "/v1/models":
            visible = {name: rows for name, rows in self.models.items() if name not in self.hidden}
            return _json({"models": [{"name": name, "versions": [*rows]} for name, rows in visible.items()]})
        match = re.fullmatch(r"/v1/models/([^/]+/[^/]+)/(\d+|newest)(?:/packages/([^/]+)/files/(.+))?", target)
        versions = self.models.get(match[1], {}) if match else {}
        if match is None or not versions:
            return _json({"error": "no such model"}, 404)
        if match[1] in self.hidden:
            return _json({"error": "not yours"}, 403)
        document = versions.get(max(versions) if match[2] == "newest" else int(match[2]))
        if document is None:
            return _json({"error": "no such version"}, 404)
        signed = self._with_addresses(document)
        if match[3] is None:
            return _json(signed)
        [package] = [package for package in signed["packages"] if package["id"] == match[3]]
        return _json(next(row for row in package["files"] if row["name"] == match[4]))

    def _with_addresses(self, document: dict[str, Any]) -> dict[str, Any]:
        copy: dict[str, Any] = json.loads(json.dumps(document))
        for package in copy["packages"]:
            for row in package["files"]:
                row["url"] = self.files.sign(f"/{row['sha256']}")
        return copy

    def close(self) -> None:
        """Stop both origins."""
        super().close()
        self.files.close()


def _json(document: object, status: int = 200) -> Answer:
    return status, json.dumps(document).encode(), {"Content-Type": "application/json"}
