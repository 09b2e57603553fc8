from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from inference_models.download.failures import RequestError, TransientError
from inference_models.download.retries import LONGEST_WAIT_SECONDS, Tries, parse_retry_after
from inference_models.errors import RetryError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("0", 0.0), (" 120 ", 120.0), ("²", None)],
)
def test_retry_after_in_seconds(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds


def test_retry_after_as_a_date() -> None:
    assert parse_retry_after(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert parse_retry_after("Wed, 21 Oct 99999 07:28:00 GMT") is None


def test_waits_grow_vary_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1000")
    rows = []
    for _ in range(20):
        waits: list[float] = []
        tries = Tries(waits.append)
        for _ in range(50):
            tries.failed(TransientError("busy"))
        rows.append(waits)

    assert all(0.25 <= waits[0] <= 0.5 and 0.5 <= waits[1] <= 1.0 for waits in rows)
    assert len({waits[0] for waits in rows}) > 1
    assert all(waits[-1] == LONGEST_WAIT_SECONDS / 2 or waits[-1] <= LONGEST_WAIT_SECONDS for waits in rows)


def test_the_server_may_ask_for_a_longer_wait_within_reason() -> None:
    waits: list[float] = []
    tries = Tries(waits.append)
    tries.failed(TransientError("busy", retry_after=7.0))
    tries.failed(TransientError("busy", retry_after=1e9))
    assert waits == [7.0, LONGEST_WAIT_SECONDS]


def test_only_new_ground_is_progress() -> None:
    tries = Tries(lambda seconds: None)
    for position in (100, 50, 100):
        tries.reached(position)
        if position == 100:
            tries.failed(TransientError("cut"))
    with pytest.raises(RetryError, match="after 3 tries"):
        tries.failed(TransientError("cut"))


def test_what_lasts_is_not_tried_again() -> None:
    failure = RequestError("gone", status=404)
    with pytest.raises(RequestError) as caught:
        Tries(lambda seconds: None).failed(failure)
    assert caught.value is failure
    assert caught.value.help_url.endswith("#modelretrievalerror")
