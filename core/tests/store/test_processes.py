"""The store under other processes: killed ones, simultaneous ones, and ones that may not write."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.metadata import ModelMetadata
from inference_models.store import materialise

if TYPE_CHECKING:
    from core.tests.store.conftest import Publisher

BODY = bytes(range(256)) * 20_000  # 5 MB

LOAD = """
import sys
from pathlib import Path
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.store import materialise

rows = [row.split(" ") for row in sys.argv[1:]]
files = [FileDownloadSpecs(url, handle, md5) for handle, url, md5 in rows]
package = ModelPackageMetadata(package_id="p1", backend="onnx", package_artefacts=files)
metadata = ModelMetadata(model_id="shapes", model_architecture="yolov8", model_packages=(package,))
"""
PRINT = "print(materialise(metadata, package, 'roboflow'))"
# As on a file system that says yes to every lock.
NO_LOCKS = "from inference_models.store import locks\nlocks._acquire = lambda lock: True\n"

# What a read-only file system does, also for root, whom permission bits do not stop.
READ_ONLY = """
import errno, os

def refuse(event, arguments):
    writes = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime", "os.chmod", "os.truncate", "os.symlink"}
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) or event in writes:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

sys.addaudithook(refuse)
"""


def start(metadata: ModelMetadata, code: str = LOAD + PRINT) -> subprocess.Popen[str]:
    rows = [
        f"{file.file_handle} {file.download_url} {file.md5_hash}"
        for file in metadata.model_packages[0].package_artefacts
    ]
    return subprocess.Popen(
        [sys.executable, "-c", code, *rows], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return out.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("sent", [0, 3_000_000, len(BODY) - 1])
def test_a_download_killed_half_way_does_no_harm(publisher: Publisher, home: Path, sent: int) -> None:
    metadata = publisher.metadata({"first": b"first", "weights": BODY})
    half_way, killed = threading.Event(), threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(BODY)))
        handler.end_headers()
        handler.wfile.write(BODY[:sent])
        handler.wfile.flush()
        half_way.set()
        killed.wait(20)

    publisher.server.route("/p1/1", stall)
    process = start(metadata)
    assert half_way.wait(20)
    deadline = time.monotonic() + 20
    while not list(home.glob("shapes/*/first")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # what was sent arrives
    process.kill()
    process.communicate(timeout=20)
    killed.set()
    [left] = (home / "shapes").iterdir()  # only the staging directory, no package
    assert left.name.startswith(".im-staging-")

    publisher.server.serve("/p1/1", BODY)
    asked = len(publisher.server.requests)
    directory = materialise(metadata, metadata.model_packages[0], "roboflow")

    assert (directory / "weights").read_bytes() == BODY
    assert publisher.server.count("/p1/0") == 1, "what was complete is not fetched again"
    ranges = [headers.get("range", "bytes=0-") for _, headers in publisher.server.requests[asked:]]
    assert ranges[0].startswith("bytes=0-") == (sent == 0), "what had come is not fetched again"
    assert list((home / "shapes").iterdir()) == [directory]


def test_where_locks_do_not_work_two_processes_both_get_the_package(publisher: Publisher, home: Path) -> None:
    metadata = publisher.metadata({"weights": BODY})
    both_ask = threading.Barrier(2, timeout=20)

    def wait_for_the_other(handler: BaseHTTPRequestHandler) -> None:
        both_ask.wait()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(BODY)))
        handler.end_headers()
        handler.wfile.write(BODY)

    publisher.server.route("/p1/0", wait_for_the_other)
    processes = [start(metadata, LOAD + NO_LOCKS + PRINT) for _ in range(2)]
    places = {finish(process) for process in processes}

    assert places == {str(home / "shapes" / "p1")}
    assert (home / "shapes" / "p1" / "weights").read_bytes() == BODY
    assert [path.name for path in (home / "shapes").iterdir()] == ["p1"]


def test_eight_threads_at_once_all_get_the_package(publisher: Publisher, home: Path) -> None:
    metadata = publisher.metadata({"weights": BODY, "config": b"{}"})
    together = threading.Barrier(8, timeout=20)
    outcomes: list[object] = []

    def load() -> None:
        together.wait()
        try:
            outcomes.append(materialise(metadata, metadata.model_packages[0], "roboflow"))
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert outcomes == [home / "shapes" / "p1"] * 8
    assert [path.name for path in (home / "shapes").iterdir()] == ["p1"]


@pytest.mark.parametrize("touched", [False, True])
def test_a_read_only_cache_serves_what_it_holds(publisher: Publisher, home: Path, touched: bool) -> None:
    metadata = publisher.metadata({"weights": BODY, "sub/config": b"{}"})
    directory = materialise(metadata, metadata.model_packages[0], "roboflow")
    if touched:
        (directory / "weights").touch()
    (home / "shapes" / ".im-staging-00000000-1-0").mkdir()
    asked = len(publisher.server.requests)

    assert finish(start(metadata, LOAD + READ_ONLY + PRINT)) == str(directory)
    assert len(publisher.server.requests) == asked


OFFLINE = """
def no_sockets(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(no_sockets)
os.environ["INFERENCE_MODELS_OFFLINE"] = "1"

from inference_models.store.inventory import check_files, list_packages, least_recently_used
from inference_models.store.offline import list_offline_models, offline_metadata

metadata = offline_metadata("roboflow", "shapes")
[stored] = list_packages()
assert set(check_files(stored).values()) == {"ok"}
assert least_recently_used([stored], 0) == [stored]
assert [model.packages[0].presence for model in list_offline_models()] == ["ok"]
print(materialise(metadata, metadata.model_packages[0], "roboflow"))
"""


def test_offline_a_read_only_cache_loads_and_no_socket_is_opened(publisher: Publisher, home: Path) -> None:
    metadata = publisher.metadata({"weights": BODY, "sub/config": b"{}"})
    directory = materialise(metadata, metadata.model_packages[0], "roboflow")
    asked = len(publisher.server.requests)

    assert finish(start(metadata, LOAD + READ_ONLY + OFFLINE)) == str(directory)
    assert len(publisher.server.requests) == asked


def test_a_read_only_cache_says_why_it_cannot_fetch(publisher: Publisher, home: Path) -> None:
    metadata = publisher.metadata({"weights": BODY})
    process = start(metadata, LOAD + READ_ONLY + PRINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "ModelRetrievalError" in err
    assert "Read-only file system" in err
    assert "INFERENCE_HOME" in err
    assert publisher.server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits there")
def test_a_full_disk_leaves_nothing_and_the_next_load_works(publisher: Publisher, home: Path) -> None:
    metadata = publisher.metadata({"config": b"{}", "weights": BODY})
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    process = start(metadata, LOAD + limit + PRINT)
    _, err = process.communicate(timeout=30)

    assert "ModelRetrievalError" in err
    assert "disk has space" in err
    assert list((home / "shapes").iterdir()) == []
    assert materialise(metadata, metadata.model_packages[0], "roboflow").is_dir()


def test_importing_and_a_warm_load_need_no_network_library(publisher: Publisher) -> None:
    metadata = publisher.metadata({"weights": BODY})
    materialise(metadata, metadata.model_packages[0], "roboflow")

    loaded = finish(start(metadata, LOAD + PRINT + "\nprint(*sorted(sys.modules))")).split()

    assert not {"requests", "urllib3", "ssl", "socket", "hashlib", "platformdirs", "numpy"}.intersection(loaded)
