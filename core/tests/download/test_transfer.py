"""Downloads that meet trouble on the way, over real sockets."""

from __future__ import annotations

import hashlib
import runpy
import time
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from inference_models.download import retries, workers
from inference_models.download.files import DownloadSpec, fetch, fetch_all
from inference_models.errors import (
    FileHashSumMismatch,
    ModelRetrievalError,
    OfflineModeError,
    RetryError,
)

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

_BIG_FILE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("big_file.py"))))
BODY, MEBIBYTE = _BIG_FILE.BODY, _BIG_FILE.MEBIBYTE
spec_for, names_in, fetch_and_check = _BIG_FILE.spec_for, _BIG_FILE.names_in, _BIG_FILE.fetch_and_check

pytestmark = pytest.mark.usefixtures("short_waits_and_small_pieces")


class TestParts:
    def test_a_large_file_comes_in_parts_each_once(self, server: FaultServer, tmp_path: Path) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY, etag='"1"')), tmp_path)

        bounds = sorted(tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in server.ranges("/w"))
        assert bounds[0] == (0, 2 * MEBIBYTE - 1)
        assert all(last + 1 == first for (_, last), (first, _) in pairwise(bounds))
        assert bounds[-1][1] == len(BODY) - 1

    def test_a_small_file_takes_one_request(self, server: FaultServer, tmp_path: Path) -> None:
        body = BODY[:MEBIBYTE]
        fetch(DownloadSpec(url=server.file("/w", body), name="w"), tmp_path / "w")

        assert (tmp_path / "w").read_bytes() == body
        assert len(server.requests) == 1

    @pytest.mark.parametrize("ranges_served", [True, False])
    def test_an_empty_file(self, server: FaultServer, tmp_path: Path, ranges_served: bool) -> None:
        digests = fetch(DownloadSpec(url=server.file("/w", b"", ranges=ranges_served), name="w"), tmp_path / "w")

        assert digests.size == 0
        assert names_in(tmp_path) == ["w"]

    def test_a_server_without_parts(self, server: FaultServer, tmp_path: Path) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY, ranges=False)), tmp_path)
        assert len(server.requests) == 1

    def test_head_is_never_asked_for(self, server: FaultServer, tmp_path: Path) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY)), tmp_path)
        assert server.heads == 0

    def test_a_wrong_content_range_is_not_believed(self, server: FaultServer, tmp_path: Path) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY, shift=7)), tmp_path)
        assert server.ranges("/w") == ["bytes=0-2097151", None]

    def test_a_whole_file_for_a_part_starts_over(self, server: FaultServer, tmp_path: Path) -> None:
        faults = [server.with_options(), server.with_options(ranges=False)]
        fetch_and_check(spec_for(server.file("/w", BODY, faults=faults)), tmp_path)
        assert None in server.ranges("/w")

    def test_a_file_that_changes_meanwhile_starts_over(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.file("/w", BODY, etag='"new"', faults=[server.with_options(etag='"old"')])
        fetch_and_check(spec_for(url), tmp_path)
        assert server.requests[1][1]["if-range"] == '"old"'

    def test_a_file_that_keeps_changing_is_given_up(self, server: FaultServer, tmp_path: Path) -> None:
        numbers = iter(range(1_000))

        def change(handler: BaseHTTPRequestHandler, serve: Callable[..., object]) -> None:
            del handler.headers["If-Range"]
            serve(etag=f'"{next(numbers)}"')

        url = server.file("/w", BODY, faults=[change] * 1_000)
        with pytest.raises(ModelRetrievalError, match="changes while it is fetched"):
            fetch(spec_for(url), tmp_path / "weights.onnx")

    def test_redirects_may_lead_elsewhere_each_time(self, server: FaultServer, tmp_path: Path) -> None:
        for number in range(20):
            server.file(f"/far/{number}", BODY, etag='"1"')
        numbers = iter(range(20))

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"/far/{next(numbers)}?signature=canary")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        spec = spec_for(server.route("/w", redirect), md5=None, sha256=None)
        fetch_and_check(spec, tmp_path)
        assert len(server.ranges("/w")) == 9


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that downloads decide to wait. They do not: a clock would tell how busy this machine is, too."""
    decided: list[float] = []
    monkeypatch.setattr(workers.Workers, "pause", lambda _self, seconds: decided.append(seconds))
    return decided


class TestTries:
    def test_waiting_is_waiting(self) -> None:
        started = time.monotonic()
        workers.Workers(1).pause(0.2)
        assert time.monotonic() - started > 0.15

    def test_a_storm_of_503_passes_quickly(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
    ) -> None:
        monkeypatch.setattr(retries, "_FIRST_WAIT_SECONDS", 0.5)
        fetch_and_check(spec_for(server.file("/w", BODY, faults=[server.status(503)] * 2)), tmp_path)
        first, second = waits
        assert 0.25 <= first <= 0.5 <= second <= 1.0

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_what_passes_is_tried_again(self, server: FaultServer, tmp_path: Path, status: int) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY, faults=[server.status(status)] * 2)), tmp_path)

    def test_what_does_not_pass_is_given_up(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.file("/w", BODY, faults=[server.status(503)] * 9)
        with pytest.raises(RetryError, match=r"after 3 tries.*API_CALLS_MAX_TRIES.*status 503") as caught:
            fetch(spec_for(f"{url}?signature=canary"), tmp_path / "weights.onnx")
        assert server.count("/w") == 3
        assert "canary" not in str(caught.value)
        assert names_in(tmp_path) == []

    def test_the_number_of_tries_is_configured(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("API_CALLS_MAX_TRIES", "6")
        fetch_and_check(spec_for(server.file("/w", BODY, faults=[server.status(503)] * 5)), tmp_path)

    @pytest.mark.parametrize("kind", ["seconds", "date"])
    def test_retry_after_is_followed(self, server: FaultServer, tmp_path: Path, kind: str, waits: list[float]) -> None:
        after = "20" if kind == "seconds" else formatdate(time.time() + 20, usegmt=True)
        fetch_and_check(spec_for(server.file("/w", BODY, faults=[server.status(429, Retry_After=after)])), tmp_path)
        [wait] = waits
        assert wait == 20 if kind == "seconds" else 5 < wait <= 20  # the date draws nearer until it is read

    def test_retry_after_is_bounded(self, server: FaultServer, tmp_path: Path, waits: list[float]) -> None:
        fetch_and_check(spec_for(server.file("/w", BODY, faults=[server.status(503, Retry_After="86400")])), tmp_path)
        assert waits == [retries.LONGEST_WAIT_SECONDS]

    @pytest.mark.parametrize("is_reset", [False, True])
    def test_a_connection_that_breaks_goes_on_from_there(
        self, server: FaultServer, tmp_path: Path, is_reset: bool
    ) -> None:
        url = server.file("/w", BODY, etag='"1"', faults=[server.cut(1_500_000, is_reset=is_reset)])
        fetch_and_check(spec_for(url), tmp_path)
        assert server.ranges("/w").count("bytes=0-2097151") == 1

    def test_progress_starts_the_count_anew(self, server: FaultServer, tmp_path: Path) -> None:
        body = BODY[: 2 * MEBIBYTE]
        url = server.file("/w", body, etag='"1"', faults=[server.cut(200_000)] * 9)
        spec = DownloadSpec(url=url, name="w", md5=hashlib.md5(body).hexdigest())
        fetch(spec, tmp_path / "w")
        assert (tmp_path / "w").read_bytes() == body
        assert server.ranges("/w")[-1] == "bytes=1800000-2097151"

    def test_an_idle_connection_that_was_closed_costs_no_try(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
        fetch_and_check(
            spec_for(server.file("/w", BODY, faults=[lambda handler, serve: handler.connection.shutdown(2)])), tmp_path
        )


class TestHashes:
    @pytest.mark.parametrize("facts", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
    def test_a_wrong_file_is_fetched_once_more_and_refused(
        self, server: FaultServer, tmp_path: Path, facts: dict[str, str]
    ) -> None:
        url = server.file("/w", BODY, ranges=False)
        with pytest.raises(FileHashSumMismatch, match=r"'weights\.onnx' from http://127.*expected") as caught:
            fetch(spec_for(f"{url}?signature=canary", **facts), tmp_path / "weights.onnx")
        assert server.count("/w") == 2
        assert "canary" not in str(caught.value)
        assert names_in(tmp_path) == []

    def test_a_file_damaged_once_on_the_way_is_fetched_again(self, server: FaultServer, tmp_path: Path) -> None:
        damaged = BODY[:5_000_000] + b"\xff" + BODY[5_000_001:]
        url = server.file("/w", BODY, faults=[lambda handler, serve: serve(body=damaged, ranges=False)])
        fetch_and_check(spec_for(url), tmp_path)

    @pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
    def test_another_size_than_promised_is_refused_at_once(
        self, server: FaultServer, tmp_path: Path, size: int
    ) -> None:
        with pytest.raises(FileHashSumMismatch, match=f"expected {size} bytes, the server has {len(BODY)}"):
            fetch(spec_for(server.file("/w", BODY), size=size), tmp_path / "weights.onnx")
        assert names_in(tmp_path) == []

    def test_without_a_length_no_more_than_promised_is_taken(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.serve("/w", BODY, length=None)
        with pytest.raises(FileHashSumMismatch, match=r"expected 1000000 bytes, the server has .* or more"):
            fetch(spec_for(url, size=1_000_000), tmp_path / "weights.onnx")
        assert names_in(tmp_path) == []

    def test_a_length_that_is_too_small_is_found_by_the_hash(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.serve("/w", BODY, length=len(BODY) - 100)
        with pytest.raises(FileHashSumMismatch):
            fetch(spec_for(url, size=None), tmp_path / "weights.onnx")

    @pytest.mark.parametrize("md5", ["", "0" * 31, "zz" * 16])
    def test_a_malformed_hash_is_refused(self, tmp_path: Path, md5: str) -> None:
        with pytest.raises(Exception, match="not 32 hex digits"):
            fetch_all([spec_for("http://127.0.0.1:9/w", md5=md5)], tmp_path)


class TestAccess:
    @pytest.mark.parametrize("status", [401, 403, 410])
    def test_an_expired_address_is_replaced_once(self, server: FaultServer, tmp_path: Path, status: int) -> None:
        expired = server.serve("/old", b"", status=status)
        asked = []

        def refresh() -> DownloadSpec:
            asked.append(True)
            return spec_for(server.file("/w", BODY), headers={"X-Token": "new"})

        fetch_and_check(spec_for(expired, refresh=refresh), tmp_path)
        assert len(asked) == 1
        assert all(headers["x-token"] == "new" for path, headers in server.requests if path == "/w")

    def test_an_address_that_expires_half_way_goes_on(self, server: FaultServer, tmp_path: Path) -> None:
        refused = server.status(403)
        old = server.file("/old", BODY, etag='"1"', faults=[server.with_options(), *[refused] * 20])
        fresh = server.file("/new", BODY, etag='"other"')
        fetch_and_check(spec_for(old, refresh=lambda: spec_for(fresh)), tmp_path)
        assert "bytes=0-2097151" not in server.ranges("/new")

    def test_an_address_may_expire_again_once_something_has_come(self, server: FaultServer, tmp_path: Path) -> None:
        body = BODY[:MEBIBYTE]
        cut, refused = server.cut(300_000), server.status(403)
        url = server.file("/w", body, etag='"1"', faults=[cut, refused, cut, refused])
        asked = []

        def refresh() -> DownloadSpec:
            asked.append(True)
            return DownloadSpec(url=f"{url}?signature={len(asked)}", name="w")

        spec = DownloadSpec(url=url, name="w", sha256=hashlib.sha256(body).hexdigest(), refresh=refresh)
        fetch(spec, tmp_path / "w")
        assert (tmp_path / "w").read_bytes() == body
        assert len(asked) == 2
        assert server.requests[-1][0] == "/w?signature=2"

    def test_a_fresh_address_that_is_refused_too_is_an_error(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.serve("/w", b"", status=403)
        with pytest.raises(ModelRetrievalError, match="status 403"):
            fetch(spec_for(url, refresh=lambda: spec_for(url)), tmp_path / "weights.onnx")
        assert server.count("/w") == 2

    def test_headers_stay_with_their_origin(
        self, server: FaultServer, other_server: FaultServer, tmp_path: Path
    ) -> None:
        far = other_server.file("/far", BODY)
        url = server.serve("/w", b"", status=302, headers={"Location": far})
        fetch_and_check(spec_for(url, headers={"Authorization": "canary"}), tmp_path)
        assert all(headers["authorization"] == "canary" for _, headers in server.requests)
        assert "canary" not in str(other_server.requests)
        assert None not in other_server.ranges("/far")

    def test_offline_nothing_is_asked(
        self, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        with pytest.raises(OfflineModeError, match="INFERENCE_MODELS_OFFLINE"):
            fetch(spec_for(server.file("/w", BODY)), tmp_path / "weights.onnx")
        assert server.requests == []
        assert names_in(tmp_path) == []

    def test_a_compressed_body_is_refused(self, server: FaultServer, tmp_path: Path) -> None:
        url = server.file("/w", BODY, headers={"Content-Encoding": "gzip"})
        with pytest.raises(ModelRetrievalError, match="compressed"):
            fetch(spec_for(url), tmp_path / "weights.onnx")
        assert names_in(tmp_path) == []
