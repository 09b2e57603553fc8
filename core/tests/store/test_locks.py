"""Many processes and one package: who fetches, who waits, and for how long."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.metadata import ModelMetadata
from inference_models.store import locks, materialise
from inference_models.store.layout import lock_path
from inference_models.store.locks import is_locked, package_lock, try_package_lock

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher

BODY = bytes(range(256)) * 4_000  # 1 MB

LOAD = """
import logging, sys
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store import locks, materialise

logging.basicConfig(level="INFO")
locks.NOTICE_EVERY_SECONDS = 0.2
files = [FileDownloadSpecs(*row.split(" ")) for row in sys.argv[1:]]
package = ModelPackageMetadata(package_id="p1", backend="onnx", package_artefacts=files)
metadata = ModelMetadata(model_id="shapes", model_architecture="yolov8", model_packages=(package,))
print("ready", flush=True)
sys.stdin.readline()
print(materialise(metadata, package, "roboflow"))
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a process which loads `metadata` once it reads a line."""
    running: list[subprocess.Popen[str]] = []

    def launch(metadata: ModelMetadata, code: str = LOAD, **variables: str) -> subprocess.Popen[str]:
        files = metadata.model_packages[0].package_artefacts
        rows = [f"{file.download_url} {file.file_handle} {file.md5_hash}" for file in files]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *rows],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )
        running.append(process)
        return process

    yield launch
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def go(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip(), err


def drip(seconds: float, begun: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a responder that spreads the body evenly over some seconds."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(BODY)))
        handler.end_headers()
        parts = 20
        for number in range(parts):
            handler.wfile.write(BODY[len(BODY) * number // parts : len(BODY) * (number + 1) // parts])
            handler.wfile.flush()
            begun.set()
            time.sleep(seconds / parts)

    return respond


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_of_32_cold_processes_one_fetches_and_all_succeed(publisher: Publisher, home: Path, start: Start) -> None:
    contents = {"weights": BODY, "config": b"{}", "classes": b"one", "data/part": BODY[::-1]}
    metadata = publisher.metadata(contents)
    processes = [start(metadata) for _ in range(32)]
    go(*processes)

    assert {finish(process)[0] for process in processes} == {str(home / "shapes" / "p1")}
    assert [publisher.server.count(f"/p1/{number}") for number in range(4)] == [1] * 4
    assert names(home / "shapes") == ["p1"]
    assert (home / "shapes" / "p1" / "data" / "part").read_bytes() == BODY[::-1]


def test_who_waits_says_for_whom_and_outwaits_its_patience_while_there_is_progress(
    publisher: Publisher, home: Path, start: Start
) -> None:
    metadata = publisher.metadata({"weights": BODY})
    begun = threading.Event()
    publisher.server.route("/p1/0", drip(4.5, begun))
    holder, waiter = (start(metadata, INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT="2") for _ in range(2))
    go(holder)
    assert begun.wait(20)
    go(waiter)

    _, err = finish(waiter)
    finish(holder)
    assert f"Waiting for process {holder.pid} on" in err
    assert publisher.server.count("/p1/0") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's")
def test_a_dead_holder_is_taken_over_at_once(publisher: Publisher, home: Path, start: Start) -> None:
    metadata = publisher.metadata({"weights": BODY})
    begun = threading.Event()
    publisher.server.route("/p1/0", drip(30.0, begun))
    holder, waiter = start(metadata), start(metadata)
    go(holder)
    assert begun.wait(20)
    go(waiter)
    time.sleep(0.3)
    publisher.server.serve("/p1/0", BODY)
    holder.kill()
    begin = time.monotonic()

    finish(waiter)
    assert time.monotonic() - begin < 10, "no timeout of 120 s was waited for"
    assert names(home / "shapes") == ["p1"]
    assert (home / "shapes" / "p1" / "weights").read_bytes() == BODY


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_stopped_holder_is_waited_for_no_longer_than_patience_lasts(
    publisher: Publisher, home: Path, start: Start
) -> None:
    metadata = publisher.metadata({"weights": BODY})
    begun = threading.Event()
    publisher.server.route("/p1/0", drip(2.0, begun))
    holder, waiter = (start(metadata, INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT="0.5") for _ in range(2))
    go(holder)
    assert begun.wait(20)
    holder.send_signal(signal.SIGSTOP)
    publisher.server.serve("/p1/0", BODY)
    go(waiter)

    _, err = finish(waiter)
    assert f"Not waiting any longer for process {holder.pid}" in err
    inode = (home / "shapes" / "p1" / "weights").stat().st_ino

    holder.send_signal(signal.SIGCONT)
    assert finish(holder)[0] == str(home / "shapes" / "p1")
    assert (home / "shapes" / "p1" / "weights").stat().st_ino == inode, "what is published stays"
    assert names(home / "shapes") == ["p1"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's")
def test_twenty_kills_at_any_point_do_no_harm(publisher: Publisher, home: Path, start: Start) -> None:
    metadata = publisher.metadata({"weights": BODY, "config": b"{}"})
    publisher.server.route("/p1/0", drip(0.3, threading.Event()))
    for number in range(20):
        process = start(metadata)
        go(process)
        time.sleep(number * 0.03)
        process.kill()
        process.communicate(timeout=20)
    publisher.server.serve("/p1/0", BODY)

    directory = materialise(metadata, metadata.model_packages[0], "roboflow")
    assert (directory / "weights").read_bytes() == BODY
    assert (directory / "config").read_bytes() == b"{}"
    assert names(home / "shapes") == ["p1"]


def test_without_any_lock_results_are_right(publisher: Publisher, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_acquire", lambda _lock: True)
    metadata = publisher.metadata({"weights": BODY, "config": b"{}"})
    together = threading.Barrier(6, timeout=20)
    outcomes: list[object] = []

    def load() -> None:
        together.wait()
        outcomes.append(materialise(metadata, metadata.model_packages[0], "roboflow"))

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == [home / "shapes" / "p1"] * 6
    assert (home / "shapes" / "p1" / "weights").read_bytes() == BODY
    assert names(home / "shapes") == ["p1"]


class TestLock:
    def test_one_holds_it(self, tmp_path: Path) -> None:
        directory = tmp_path / "shapes" / "p1"
        assert not is_locked(directory)
        assert not (tmp_path / ".locks").exists(), "looking writes nothing"
        with try_package_lock(directory) as first:
            assert first
            assert is_locked(directory)
            with try_package_lock(directory) as second:
                assert not second
            with try_package_lock(directory.with_name("p2")) as other:
                assert other
        assert not is_locked(directory)

    def test_a_wait_ends_when_the_package_changed(self, tmp_path: Path) -> None:
        directory = tmp_path / "shapes" / "p1"
        with try_package_lock(directory), package_lock(directory, lambda: True) as ours:
            assert not ours

    def test_where_nothing_can_be_locked_work_goes_on(self, tmp_path: Path) -> None:
        (tmp_path / ".locks").write_text("not a directory")
        directory = tmp_path / "shapes" / "p1"
        with package_lock(directory, lambda: False) as ours, try_package_lock(directory) as free:
            assert ours
            assert free

    def test_the_lock_is_given_back_after_an_error(self, tmp_path: Path) -> None:
        directory = tmp_path / "shapes" / "p1"
        with pytest.raises(ValueError, match="x"), package_lock(directory, lambda: False):
            raise ValueError("x")
        assert not is_locked(directory)

    @pytest.mark.parametrize("note", [b"", b"\xff", b"[]", b"{}", b'{"pid": "x", "host": 1}'])
    def test_a_damaged_note_of_the_holder_is_no_error(
        self, tmp_path: Path, note: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT", "0.05")
        directory = tmp_path / "shapes" / "p1"
        with try_package_lock(directory), caplog.at_level(logging.WARNING):
            lock_path(directory).with_suffix(".holder").write_bytes(note)
            with package_lock(directory, lambda: False) as ours:
                assert ours
        assert "Not waiting any longer for another process" in caplog.text
