"""Asking an API: what is tried again and for how long, and what is never waited for."""

from __future__ import annotations

import runpy
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference_models.configuration import OFFLINE, OFFLINE_MODE
from inference_models.download import api
from inference_models.download.api import ask_api
from inference_models.errors import ModelRetrievalError, OfflineModeError, RetryError

_FOLDER = Path(__file__).parents[1] / "weights_providers"
faults = SimpleNamespace(**runpy.run_path(str(_FOLDER / "faults.py")))
FileServer = runpy.run_path(str(_FOLDER / "api_server.py"))["FileServer"]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which do not happen."""
    waited: list[float] = []
    monkeypatch.setattr(api, "time", SimpleNamespace(sleep=waited.append, monotonic=time.monotonic))
    return waited


@pytest.fixture
def site(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    for name in (OFFLINE.name, OFFLINE_MODE.name, "API_CALLS_MAX_TRIES", "IDEMPOTENT_API_REQUEST_CODES_TO_RETRY"):
        monkeypatch.delenv(name, raising=False)
    with FileServer() as server:
        server.add("/answer", b"{}")
        yield SimpleNamespace(
            server=server, url=f"{server.url}/answer?key=canary", fail=server.fail, count=server.count
        )


def drip_head(handler: BaseHTTPRequestHandler, *_: object) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(600):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)


def test_the_answer_comes_whatever_its_status(site) -> None:
    answer = ask_api(site.url, {"X-A": "1"}, purpose="it")
    assert (answer.status, answer.content_type, answer.body) == (200, "application/octet-stream", b"{}")
    assert site.server.requests[0][1]["x-a"] == "1"
    site.fail(faults.status(418, "short and stout"))
    answer = ask_api(site.url, purpose="it")
    assert (answer.status, answer.body) == (418, b"short and stout")
    assert "stout" not in repr(answer)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_statuses_that_pass_are_tried_again(site, waits, code) -> None:
    site.fail(*[faults.status(code)] * 2)
    assert ask_api(site.url, purpose="it").status == 200
    assert len(waits) == 2
    assert sum(waits) < 3, "two failures cost less than three seconds"


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 409, 423, 501, 505])
def test_others_are_not(site, waits, code) -> None:
    site.fail(faults.status(code))
    assert ask_api(site.url, purpose="it").status == code
    assert waits == []


def test_the_configuration_says_what_is_tried_again_and_how_often(site, waits, monkeypatch) -> None:
    monkeypatch.setenv("IDEMPOTENT_API_REQUEST_CODES_TO_RETRY", "404")
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "7")
    site.fail(*[faults.status(404)] * 6, faults.status(503))
    assert ask_api(site.url, purpose="it").status == 503
    assert site.count() == 7
    assert all(later > earlier / 2 for earlier, later in pairwise(waits)), "they grow"
    assert max(waits) > 4 * min(waits)


@pytest.mark.parametrize("fault", [faults.reset(), faults.cut(100), faults.silence(0)])
def test_broken_connections_are_tried_again(site, fault) -> None:
    site.fail(fault, fault)
    assert ask_api(site.url, purpose="it").body == b"{}"


def test_a_server_that_stays_broken_is_given_up_without_showing_the_query(site, waits) -> None:
    site.fail(*[faults.status(503)] * 5)
    with pytest.raises(RetryError, match=r"answered with status 503\. .*getting the news\. Tried 3 times") as caught:
        ask_api(site.url, purpose="the news")
    assert "canary" not in caught.value.message
    assert (site.count(), len(waits)) == (3, 2)


def test_nobody_there_is_given_up(waits) -> None:
    with FileServer() as server:
        url = server.url
    with pytest.raises(RetryError, match=r"cannot be reached: Connection refused.*Tried 3 times"):
        ask_api(url, purpose="it")
    assert len(waits) == 2


@pytest.mark.parametrize("in_seconds", [True, False])
def test_the_server_says_how_long_to_wait(site, waits, in_seconds) -> None:
    when: object = 7 if in_seconds else format_datetime(datetime.now(UTC) + timedelta(seconds=7), usegmt=True)
    site.fail(faults.status(429, retry_after=when))
    assert ask_api(site.url, purpose="it").status == 200
    assert 5.5 <= waits[0] <= 7.5


@pytest.mark.parametrize(
    "when", ["soon", "-5", "1e9", "", "Mon, 99 Foo 2026", "\xb2", "Wed, 01 Jan 99999999999999 00:00:00"]
)
def test_what_says_nothing_is_ignored(site, waits, when) -> None:
    site.fail(faults.status(503, retry_after=when))
    assert ask_api(site.url, purpose="it").status == 200
    assert waits[0] < 1


def test_a_moment_that_has_passed_means_now(site, waits) -> None:
    site.fail(faults.status(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert ask_api(site.url, purpose="it").status == 200
    assert waits[0] < 1


@pytest.mark.parametrize("seconds", ["3600", "9" * 400])
def test_nobody_waits_for_an_hour(site, waits, seconds) -> None:
    site.fail(faults.status(429, retry_after=seconds))
    with pytest.raises(RetryError, match=r"status 429.*asks to wait for \d+ s"):
        ask_api(site.url, purpose="it")
    assert waits == []


def test_waits_are_bounded_together(site, waits, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "100")
    site.fail(*[faults.status(503, retry_after=25)] * 100)
    with pytest.raises(RetryError):
        ask_api(site.url, purpose="it")
    assert sum(waits) <= api.LONGEST_WAIT


def test_own_waits_that_add_up_are_not_said_to_be_asked_for(site, waits, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "100")
    site.fail(*[faults.status(503)] * 100)
    with pytest.raises(RetryError, match=r"Tried \d+ times") as caught:
        ask_api(site.url, purpose="it")
    assert f"Tried {len(waits) + 1} times" in caught.value.message
    assert "asks to wait" not in caught.value.message


def test_silence_is_a_failure(site, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_TIMEOUT", "0.2")
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    site.fail(faults.silence(1))
    with pytest.raises(RetryError, match="stayed silent"):
        ask_api(site.url, purpose="it")


def test_a_slow_answer_is_an_answer(site, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_TIMEOUT", "5")
    site.fail(faults.slow(0.3))
    assert ask_api(site.url, purpose="it").body == b"{}"


def test_an_answer_that_drips_is_not_waited_for(site, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_TIMEOUT", "0.2")
    site.fail(faults.drip(60))
    started = time.monotonic()
    with pytest.raises(ModelRetrievalError, match=r"did not complete its answer within 0\.8 s"):
        ask_api(site.url, purpose="it")
    assert time.monotonic() - started < 30


def test_a_head_that_drips_is_not_waited_for(site, monkeypatch) -> None:
    monkeypatch.setenv("API_CALLS_TIMEOUT", "0.3")
    site.fail(drip_head)
    started = time.monotonic()
    with pytest.raises(ModelRetrievalError, match=r"/answer did not begin to send within 1\.2 s") as caught:
        ask_api(site.url, purpose="it")
    assert time.monotonic() - started < 30
    assert "canary" not in caught.value.message


def test_an_answer_without_end_is_cut_off(site, monkeypatch) -> None:
    monkeypatch.setattr(api, "LARGEST_ANSWER", 1 << 20)
    site.fail(faults.raw(b" " * (3 << 20)))
    with pytest.raises(ModelRetrievalError, match="more than 1 MiB"):
        ask_api(site.url, purpose="it")


def test_a_compressed_answer_is_refused(site) -> None:
    site.fail(faults.raw(b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(ModelRetrievalError, match=r"compressed \('gzip'\)"):
        ask_api(site.url, purpose="it")


@pytest.mark.parametrize("url", ["nonsense", "file:///etc/passwd", "http://models.example.com/x?key=secret-1"])
def test_an_address_that_is_not_used_is_refused_with_what_it_was_for(url) -> None:
    with pytest.raises(ModelRetrievalError, match=r"^There is no getting the news\. .*https") as caught:
        ask_api(url, purpose="the news")
    assert "secret-1" not in str(caught.value)


@pytest.mark.parametrize("variable", [OFFLINE, OFFLINE_MODE])
def test_offline(site, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable.name, "1")
    with pytest.raises(OfflineModeError, match=r"The news must be asked for"):
        ask_api(site.url, purpose="the news")
    assert site.server.requests == []
