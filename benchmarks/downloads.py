"""Fetching files from this machine, against eight threads that just GET, hash and write the same bytes.

The server is a process of its own. Both sides write to the same disk and compute SHA-256 and MD5; ours also flushes the
files to disk before it puts them in place, which the floor does not.
"""

from __future__ import annotations

import hashlib
import http.client
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from harness import Row, alternate, compare, print_table

ROUNDS = 7
MEGABYTE = 1_000_000
THREADS = 8
TWO_FAILURES_ALLOWED_SECONDS = 3.0


class _Handler(BaseHTTPRequestHandler):
    """Serves the file that the path names, or the part of it that is asked for; `/busy/` fails twice first."""

    protocol_version = "HTTP/1.1"
    directory: Path
    failures: dict[str, int]

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        path = self.directory / name
        if self.path.startswith("/busy/") and self.failures.setdefault(self.path, 2) > 0:
            self.failures[self.path] -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        asked = self.headers.get("Range")
        first, last = (int(text) for text in asked.removeprefix("bytes=").split("-")) if asked else (0, size - 1)
        last = min(last, size - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(last - first + 1))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        with path.open("rb") as file:
            while first <= last:
                first += os.sendfile(self.wfile.fileno(), file.fileno(), first, last - first + 1)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _serve(directory: Path, pipe: Connection) -> None:
    handler = type("Handler", (_Handler,), {"directory": directory, "failures": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def serving(directory: Path) -> Iterator[int]:
    """Serve `directory` from another process and yield the port."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(directory, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def fetch_ours(port: int, sums: dict[str, str], prefix: str = "") -> float:
    """Return the seconds that `fetch_all` takes for the files that `sums` names, with their MD5 sums."""
    from inference_models.download.files import DownloadSpec, fetch_all

    specs = [
        DownloadSpec(url=f"http://127.0.0.1:{port}{prefix}/{name}", name=name, md5=md5) for name, md5 in sums.items()
    ]
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        fetch_all(specs, Path(directory), max_parallel=THREADS)
        return time.perf_counter() - started


def fetch_plainly(port: int, sums: dict[str, str], sizes: dict[str, int]) -> float:
    """Return the seconds that eight threads take. With one file, each takes a part, and it is hashed at the end."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        parts = THREADS if len(sums) == 1 else 1
        jobs = []
        for name in sums:
            path = Path(directory, name)
            path.touch()
            step = -(-sizes[name] // parts)
            for first in range(0, sizes[name], step):
                jobs.append(pool.submit(_get, port, path, first, min(first + step, sizes[name]) - 1, parts == 1))
        found = [job.result() for job in jobs]
        if parts > 1:
            found = [_hash(path)]
        seconds = time.perf_counter() - started
    if found != list(sums.values()):
        raise SystemExit("downloads: the floor fetched other bytes than were served")
    return seconds


def _get(port: int, path: Path, first: int, last: int, is_hashed: bool) -> str:
    hashers = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)] if is_hashed else []
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/{path.name}", headers={"Range": f"bytes={first}-{last}"})
    response = connection.getresponse()
    buffer = memoryview(bytearray(1 << 20))
    with path.open("r+b", buffering=0) as file:
        file.seek(first)
        while count := response.readinto(buffer):
            file.write(buffer[:count])
            for hasher in hashers:
                hasher.update(buffer[:count])
    connection.close()
    return hashers[-1].hexdigest() if hashers else ""


def _hash(path: Path) -> str:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            sha256.update(buffer[:count])
            md5.update(buffer[:count])
    return md5.hexdigest()


def _make(directory: Path, name: str, size: int) -> str:
    content = os.urandom(size)
    (directory / name).write_bytes(content)
    return hashlib.md5(content).hexdigest()


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return the rows: many files, one large file, and what two failures of the server add."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        many = {f"file-{number}": _make(directory, f"file-{number}", 20 * MEGABYTE) for number in range(8)}
        large = {"large": _make(directory, "large", 160 * MEGABYTE)}
        small = {"small": _make(directory, "small", MEGABYTE)}
        sizes = {path.name: path.stat().st_size for path in directory.iterdir()}
        with serving(directory) as port:
            rows = []
            for name, sums in (("8 files of 20 MB", many), ("1 file of 160 MB", large)):
                samples = alternate(partial(fetch_ours, port, sums), partial(fetch_plainly, port, sums, sizes), rounds)
                rows.append(compare(f"fetch {name} / 8 plain threads, hashed", *samples, "ms", 1.3))
            added = [
                fetch_ours(port, small, f"/busy/{number}") - fetch_ours(port, small) for number in range(min(rounds, 3))
            ]
        allowed = [TWO_FAILURES_ALLOWED_SECONDS] * len(added)
        rows.append(compare("what two 503s before success add / allowed", added, allowed, "ms", 1.0))
    return rows


def main() -> None:
    print_table(measure())


if __name__ == "__main__":
    main()
