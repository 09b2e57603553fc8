"""Downloads whose process is killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.download.files import DownloadSpec, fetch

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

BODY = random.Random(0).randbytes(24 << 20)
SHA256 = hashlib.sha256(BODY).hexdigest()
KILLS = 20

# Imports once and forks for each attempt, so that twenty of them take seconds.
ATTEMPTS = """
import os, sys
from pathlib import Path
from inference_models.download import http, ranges
from inference_models.download.files import DownloadSpec, fetch
ranges.FIRST_SIZE, ranges.PIECE_SIZE, http.BLOCK_SECONDS = {piece}, {piece}, 0.02
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        url, sha256, destination = line.split()
        fetch(DownloadSpec(url=url, name="weights", sha256=sha256), Path(destination))
        os._exit(0)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kill -9 and fork are POSIX's")


def noted(directory: Path) -> list[tuple[int, int]]:
    """The parts that the killed process has noted as written."""
    state = directory / ".im-weights.state"
    lines = state.read_bytes().split(b"\n")[1:-1] if state.exists() else []
    return [(int(start), int(stop)) for start, stop in map(bytes.split, lines)]


def asked_for(ranges: list[str | None]) -> list[tuple[int, int]]:
    bounds = [text.removeprefix("bytes=").split("-") for text in ranges if text is not None]
    assert len(bounds) == len(ranges), "everything is asked for in parts"
    return [(int(first), int(last) + 1) for first, last in bounds]


@pytest.mark.parametrize("piece", [1 << 20, 64 << 20], ids=["parts", "one stream"])
def test_twenty_kills_cost_nothing_that_had_come(server: FaultServer, tmp_path: Path, piece: int) -> None:
    url = server.file("/w", BODY, etag='"1"', rate=4e6 if piece < len(BODY) else 2e7)
    chance = random.Random(7)
    process = subprocess.Popen(
        [sys.executable, "-c", ATTEMPTS.format(piece=piece)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for attempt in range(KILLS):
            before, requests = noted(tmp_path), len(server.requests)
            process.stdin.write(f"{url} {SHA256} {tmp_path / 'weights'}\n")
            process.stdin.flush()
            pid = int(process.stdout.readline())
            deadline = time.monotonic() + 20
            while len(server.requests) == requests and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.06))
            # A busy machine may need longer to get anything; one kill at least must have something to cost.
            while attempt == KILLS - 1 and not noted(tmp_path) and time.monotonic() < deadline:
                time.sleep(0.002)
            os.kill(pid, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
            for first, stop in asked_for(server.ranges("/w")[requests:]):
                assert not any(first < end and start < stop for start, end in before), "fetched again"
        assert not (tmp_path / "weights").exists(), "the kills came too late to mean anything"
        had = sum(stop - start for start, stop in noted(tmp_path))
        assert had > 0
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()

    requests = len(server.requests)
    server.file("/w", BODY, etag='"1"')
    digests = fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")

    assert digests.sha256 == SHA256
    assert (tmp_path / "weights").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert sum(stop - first for first, stop in asked_for(server.ranges("/w")[requests:])) >= len(BODY) - had


def leave_half(server: FaultServer, directory: Path, **options: object) -> str:
    """Leave the first half of the file as a killed process would."""
    half = len(BODY) // 2
    (directory / ".im-weights.part").write_bytes(BODY[:half])
    url = server.file("/w", BODY, **options)
    header = {"format": 1, "url": url, "size": len(BODY), "etag": '"1"', "last_modified": "", "promised": [SHA256]}
    (directory / ".im-weights.state").write_text(f"{json.dumps(header)}\n0 {half}\n")
    return url


def test_it_goes_on_from_the_half(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path, etag='"1"')
    fetch(DownloadSpec(url=f"{url}?signature=another", name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY
    assert server.ranges("/w") == [f"bytes={len(BODY) // 2}-{len(BODY) - 1}"]
    assert server.requests[0][1]["if-range"] == '"1"'


def test_all_that_was_missing_is_the_rename(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path)
    (tmp_path / ".im-weights.part").write_bytes(BODY)
    with (tmp_path / ".im-weights.state").open("a") as state:
        state.write(f"{len(BODY) // 2} {len(BODY)}\n")
    fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY
    assert server.requests == []


def test_a_damaged_part_is_thrown_away(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path, etag='"1"')
    (tmp_path / ".im-weights.part").write_bytes(bytes(len(BODY) // 2))
    fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY


def test_a_part_that_lost_its_end_is_completed(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path, etag='"1"')
    (tmp_path / ".im-weights.part").write_bytes(BODY[:1_000_000])
    fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY
    assert server.ranges("/w")[0].startswith("bytes=1000000-")


@pytest.mark.parametrize("state", [b"", b"{", b"null\n", b'{"format": 2}\n', b'{"format": 1}\n0 5\n', b"\xff\n0 1\n"])
def test_a_damaged_state_is_thrown_away(server: FaultServer, tmp_path: Path, state: bytes) -> None:
    url = leave_half(server, tmp_path)
    (tmp_path / ".im-weights.state").write_bytes(state)
    fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_a_part_of_another_file_is_thrown_away(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path, etag='"1"')
    body = BODY[::-1]
    server.file("/w", body, etag='"1"')
    fetch(DownloadSpec(url=url, name="weights", sha256=hashlib.sha256(body).hexdigest()), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == body


def test_a_file_that_changed_since_is_fetched_whole(server: FaultServer, tmp_path: Path) -> None:
    url = leave_half(server, tmp_path, etag='"2"')
    fetch(DownloadSpec(url=url, name="weights", sha256=SHA256), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == BODY
    assert server.requests[0][1]["if-range"] == '"1"'
