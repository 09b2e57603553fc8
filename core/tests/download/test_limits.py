"""Downloads within the bounds of time, disk and connections, one and many."""

from __future__ import annotations

import errno
import hashlib
import os
import runpy
import shutil
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from attrs import evolve

from inference_models.download import http
from inference_models.download.files import DownloadSpec, fetch, fetch_all
from inference_models.errors import (
    InvalidParameterError,
    ModelRetrievalError,
)

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

_BIG_FILE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("big_file.py"))))
BODY, MEBIBYTE = _BIG_FILE.BODY, _BIG_FILE.MEBIBYTE
spec_for, names_in, fetch_and_check = _BIG_FILE.spec_for, _BIG_FILE.names_in, _BIG_FILE.fetch_and_check

pytestmark = pytest.mark.usefixtures("short_waits_and_small_pieces")


class TestTime:
    def test_a_dripping_body_is_given_up(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "RATE_WINDOW_SECONDS", 0.4)
        url = server.file("/w", BODY, rate=100, piece=1)
        started = time.monotonic()
        with pytest.raises(ModelRetrievalError, match=r"too slowly.*INFERENCE_MODELS_DOWNLOAD_MINIMUM_RATE"):
            fetch(spec_for(url), tmp_path / "weights.onnx")
        assert time.monotonic() - started < 60

    def test_a_dripping_head_is_given_up(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("API_CALLS_TIMEOUT", "0.3")

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(1000):
                handler.wfile.write(b"X: y\r\n")
                handler.wfile.flush()
                time.sleep(0.1)

        started = time.monotonic()
        with pytest.raises(ModelRetrievalError, match=r"/w did not begin to send within 1\.2 s"):
            fetch(spec_for(server.route("/w", drip)), tmp_path / "weights.onnx")
        assert time.monotonic() - started < 60

    def test_the_deadline_ends_what_is_slow(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_DOWNLOAD_DEADLINE", "0.5")
        url = server.file("/w", BODY, rate=200_000, piece=20_000)
        started = time.monotonic()
        with pytest.raises(ModelRetrievalError, match="INFERENCE_MODELS_DOWNLOAD_DEADLINE"):
            fetch(spec_for(url), tmp_path / "weights.onnx")
        assert time.monotonic() - started < 30

    def test_a_slow_start_is_waited_for(self, server: FaultServer, tmp_path: Path) -> None:
        def start_slowly(handler: BaseHTTPRequestHandler, serve: Callable[[], object]) -> None:
            time.sleep(0.5)
            serve()

        fetch_and_check(spec_for(server.file("/w", BODY, faults=[start_slowly])), tmp_path)


class TestDisk:
    def test_the_space_is_looked_at_before_the_first_byte(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 40, 1 << 40, 5_000_000))
        with pytest.raises(OSError, match=r"10\.0 MB are still to be fetched, and 5\.0 MB are free") as caught:
            fetch(spec_for(server.file("/w", BODY), size=None), tmp_path / "weights.onnx")
        assert caught.value.errno == errno.ENOSPC
        assert names_in(tmp_path) == []

    def test_the_space_must_do_for_all_files(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 40, 1 << 40, 15_000_000))
        url = server.file("/w", BODY)
        with pytest.raises(OSError, match=r"MB are free"):
            fetch_all([spec_for(url, name="a"), spec_for(url, name="b")], tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="no file size limits there")
    def test_a_disk_that_fills_up_leaves_nothing(self, server: FaultServer, tmp_path: Path) -> None:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                fetch(spec_for(server.file("/w", BODY)), tmp_path / "weights.onnx")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert names_in(tmp_path) == []
        fetch_and_check(spec_for(server.file("/w", BODY)), tmp_path)


class TestSize:
    """No file may have more bytes than the configuration allows, and of one that has nothing stays."""

    @pytest.fixture(autouse=True)
    def _limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE", "3MB")

    def refused(self, spec: DownloadSpec, directory: Path, size: str) -> None:
        expected = rf"too large: it has {size}, and 3000000 are the most.*raise INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE"
        with pytest.raises(ModelRetrievalError, match=expected) as caught:
            fetch(spec, directory / "weights.onnx")
        assert "canary" not in caught.value.message
        assert names_in(directory) == []

    def test_a_size_that_the_provider_states(self, server: FaultServer, tmp_path: Path) -> None:
        self.refused(spec_for(server.file("/w?key=canary", BODY)), tmp_path, f"{len(BODY)} bytes")
        assert server.requests == []

    @pytest.mark.parametrize("ranges_served", [True, False])
    def test_a_size_that_the_server_states(self, server: FaultServer, tmp_path: Path, ranges_served: bool) -> None:
        progress = Mock()
        url = server.file("/w", BODY, ranges=ranges_served)
        with pytest.raises(ModelRetrievalError, match=rf"too large: it has {len(BODY)} bytes, and"):
            fetch(spec_for(url, size=None), tmp_path / "weights.onnx", progress=progress)
        assert progress.mock_calls == [], "before the first byte"
        assert (len(server.requests), names_in(tmp_path)) == (1, [])

    @pytest.mark.parametrize("promised", [True, False])
    def test_a_body_without_end(self, server: FaultServer, tmp_path: Path, promised: bool) -> None:
        ended = threading.Event()

        def send_for_ever(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(b"%x\r\n%s\r\n" % (MEBIBYTE, bytes(MEBIBYTE)))
            finally:
                ended.set()

        facts = {} if promised else {"sha256": None, "md5": None}
        url = f"{server.route('/w', send_for_ever)}?key=canary"
        self.refused(spec_for(url, size=None, **facts), tmp_path, r"\d+ bytes or more")
        assert ended.wait(10), "the connection is closed"
        assert len(server.requests) == 1

    def test_what_an_earlier_load_left_of_it_goes_too(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cut = [server.cut(2_500_000), *[server.status(404)] * 9]
        url = server.file("/w", BODY, etag='"1"', faults=cut)
        monkeypatch.delenv("INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE")
        with pytest.raises(ModelRetrievalError, match="status 404"):
            fetch(spec_for(url, size=None), tmp_path / "weights.onnx")
        assert names_in(tmp_path) != []

        monkeypatch.setenv("INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE", "3MB")
        self.refused(spec_for(server.file("/w", BODY, etag='"1"'), size=None), tmp_path, f"{len(BODY)} bytes")

    def test_what_is_as_large_as_allowed_is_taken(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE", str(len(BODY)))
        fetch_and_check(spec_for(server.file("/w", BODY)), tmp_path)
        (tmp_path / "weights.onnx").unlink()
        fetch_and_check(spec_for(server.serve("/v", BODY, length=None), size=None), tmp_path)

    def test_what_is_there_already_is_not_too_large(self, server: FaultServer, tmp_path: Path) -> None:
        (tmp_path / "weights.onnx").write_bytes(BODY)
        fetch_and_check(spec_for(server.file("/w", BODY)), tmp_path)


class TestMany:
    def test_files_come_together_into_folders(self, server: FaultServer, tmp_path: Path) -> None:
        bodies = {f"folder/{number}": BODY[number : number + 100_000] for number in range(20)}
        specs = [
            DownloadSpec(url=server.file(f"/{name}", body), name=name, md5=hashlib.md5(body).hexdigest())
            for name, body in bodies.items()
        ]
        created: list[Path] = []
        digests = fetch_all(specs, tmp_path, on_file_created=created.append)

        assert list(digests) == list(bodies)
        assert {name: (tmp_path / name).read_bytes() for name in bodies} == bodies
        assert sorted(created) == sorted(tmp_path / name for name in bodies)

        assert fetch_all(specs, tmp_path, on_file_created=created.append) == digests
        assert len(server.requests) == len(created) == 20

    def test_the_number_of_connections_is_bounded(self, server: FaultServer, tmp_path: Path) -> None:
        running, most, lock = [0], [0], threading.Lock()

        def count(handler: BaseHTTPRequestHandler, serve: Callable[[], object]) -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1
            serve()

        urls = [server.file(f"/{number}", BODY, faults=[count] * 20) for number in range(3)]
        fetch_all([spec_for(url, name=str(number)) for number, url in enumerate(urls)], tmp_path, max_parallel=3)
        assert 1 < most[0] <= 3

    def test_the_first_failure_ends_the_others_and_keeps_what_came(self, server: FaultServer, tmp_path: Path) -> None:
        finished, stalled = threading.Event(), threading.Event()

        def stall(handler: BaseHTTPRequestHandler, serve: Callable[..., object]) -> None:
            serve(count=1_500_000)
            stalled.wait(120)

        def fail(handler: BaseHTTPRequestHandler, serve: Callable[..., object]) -> None:
            finished.wait(120)
            time.sleep(0.4)  # until the stalled one has handed its block on
            server.status(404)(handler, serve)

        specs = [
            spec_for(server.file("/done", BODY), name="done"),
            spec_for(server.file("/stalled", BODY[: 2 * MEBIBYTE], etag='"1"', faults=[stall]), name="stalled"),
            spec_for(server.file("/failing", BODY, faults=[fail]), name="failing"),
        ]
        half = hashlib.md5(BODY[: 2 * MEBIBYTE]).hexdigest()
        specs[1] = evolve(specs[1], md5=half, sha256=None, size=2 * MEBIBYTE)
        started = time.monotonic()
        try:
            with pytest.raises(ModelRetrievalError, match="status 404"):
                fetch_all(specs, tmp_path, on_file_created=lambda path: finished.set())
            assert time.monotonic() - started < 60, "the stalled one was waited for"
        finally:
            stalled.set()
        assert "done" in names_in(tmp_path)

        fetch_all(specs, tmp_path)
        assert names_in(tmp_path) == ["done", "failing", "stalled"]
        assert server.ranges("/stalled")[-1] == "bytes=1500000-2097151"
        assert server.ranges("/done").count("bytes=0-2097151") == 1

    def test_threads_that_want_the_same_file_all_get_it(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.file("/w", BODY, faults=[lambda handler, serve: serve(rate=2e7)] * 30)
        problems: list[BaseException] = []

        def run() -> None:
            try:
                fetch(spec_for(url), tmp_path / "weights.onnx")
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert problems == []
        assert (tmp_path / "weights.onnx").read_bytes() == BODY
        assert names_in(tmp_path) == ["weights.onnx"]

    def test_names_must_differ(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidParameterError, match="name of its own"):
            fetch_all([spec_for("http://127.0.0.1:9/w")] * 2, tmp_path)
