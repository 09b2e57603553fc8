"""Asking a web API: bounded in time and size, and again after the failures that pass."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import requests
from attrs import field, frozen

from inference_models.configuration import (
    API_CALLS_MAX_TRIES,
    API_CALLS_TIMEOUT,
    IDEMPOTENT_API_REQUEST_CODES_TO_RETRY,
    OFFLINE,
    is_offline,
)
from inference_models.download.addresses import checked_url
from inference_models.download.failures import FAILURES, TransientError, describe_failure
from inference_models.download.http import Session, exchange, open_session
from inference_models.download.retries import backoff, parse_retry_after
from inference_models.download.workers import Workers
from inference_models.errors import ModelRetrievalError, OfflineModeError, RetryError, redact_url

__all__ = ["LARGEST_ANSWER", "LONGEST_WAIT", "ApiAnswer", "ask_api", "checked_url"]

LARGEST_ANSWER = 32 << 20
LONGEST_WAIT = 60.0
_PIECE = 1 << 16
# A server may send slowly, but not for ever: this many times the silence that it may keep.
_WHOLE_ANSWER = 4

logger = logging.getLogger(__name__)


@frozen
class ApiAnswer:
    """What a server said.

    Attributes:
        status: the HTTP status; redirects have been followed.
        content_type: as the server states it, "" if it does not.
        retry_after: seconds that the server asks to wait; None when it does not ask.
        body: all of it. It may repeat what was sent, so it never shows.
    """

    status: int
    content_type: str = ""
    retry_after: float | None = None
    body: bytes = field(default=b"", repr=False)


def ask_api(url: str, headers: Mapping[str, str] | None = None, *, purpose: str) -> ApiAnswer:
    """GET `url`, several times if need be, and return the answer whatever its status.

    After a status of `IDEMPOTENT_API_REQUEST_CODES_TO_RETRY`, or when the connection fails, the request is sent
    again, `API_CALLS_MAX_TRIES` times in all. The waits in between double, vary at random, follow `Retry-After`,
    and last `LONGEST_WAIT` seconds together at most.

    Args:
        url: https, or http where that is allowed. Its query shows nowhere.
        headers: sent to the origin of `url` only, and shown nowhere.
        purpose: what needs the answer, for messages: "the metadata of model 'a/b/1'".

    Raises:
        OfflineModeError: the network is switched off; no socket is opened.
        RetryError: the server failed every time, or asks to wait for longer than we do.
        ModelRetrievalError: the address is not allowed, or the answer is too long, too slow or compressed.
    """
    if is_offline():
        raise OfflineModeError(
            f"{purpose[:1].upper()}{purpose[1:]} must be asked for over the network, which {OFFLINE.name} switches "
            f"off. Unset it, or load what is on this disk already."
        )
    url = checked_url(url, f"There is no getting {purpose}. ")
    tries, codes = API_CALLS_MAX_TRIES.get(), IDEMPOTENT_API_REQUEST_CODES_TO_RETRY.get()
    left = LONGEST_WAIT
    with open_session() as session:
        for attempt in range(1, tries + 1):
            answer, failure = _try(session, url, headers or {}, codes)
            if answer is not None and failure is None:
                return answer
            wait = _wait(attempt, answer)
            if attempt == tries or wait > left:
                break
            left -= wait
            logger.warning("%s Trying again in %.1f s (try %d of %d).", failure, wait, attempt + 1, tries)
            time.sleep(wait)
    if attempt < tries and answer is not None and answer.retry_after is not None:
        advice = f"The server asks to wait for {wait:.0f} s, longer than a load should take: try again after that."
    else:
        advice = f"Tried {attempt} times; try again later, or raise {API_CALLS_MAX_TRIES.name}."
    raise RetryError(f"{failure} So there is no getting {purpose}. {advice}")


def _try(
    session: Session, url: str, headers: Mapping[str, str], codes: frozenset[int]
) -> tuple[ApiAnswer | None, str | None]:
    """Return an answer, and what makes another try worthwhile, if anything does."""
    tried: list[tuple[ApiAnswer | None, str | None]] = []
    # In a thread, because nothing else bounds how long a server may take for the head of its answer.
    workers = Workers(1)
    try:
        workers.submit(lambda: tried.append(_exchange(workers, session, url, headers, codes)))
        workers.wait()
    finally:
        workers.stop()
    return tried[0]


def _exchange(
    workers: Workers, session: Session, url: str, headers: Mapping[str, str], codes: frozenset[int]
) -> tuple[ApiAnswer | None, str | None]:
    try:
        with workers.asking(url) as note, exchange(session, url, headers) as response:
            note(response)
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            answer = ApiAnswer(response.status_code, response.headers.get("Content-Type", ""), retry_after)
            if answer.status in codes:
                return answer, f"{redact_url(url)} answered with status {answer.status}."
            return ApiAnswer(answer.status, answer.content_type, retry_after, _body(response)), None
    except TransientError as error:
        return None, error.message


def _body(response: requests.Response) -> bytes:
    """Return the body, read piece by piece: one that drips would keep a read of more waiting for ever."""
    shown = redact_url(response.url)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise ModelRetrievalError(
            f"{shown} sent its answer compressed ({encoding[:40]!r}), although it was asked not to. The server, or a "
            f"proxy on the way, must be set to send answers as they are."
        )
    seconds = API_CALLS_TIMEOUT.get() * _WHOLE_ANSWER
    deadline = time.monotonic() + seconds
    body, failure, piece = bytearray(), None, b"-"
    while piece:
        try:
            piece = response.raw.read1(_PIECE) or b""
        except FAILURES as error:
            failure = describe_failure(error)
        # Raised out here, so that the original, whose text shows the whole URL, is not attached to it.
        if failure is not None:
            raise TransientError(f"The answer of {shown} broke off: {failure}.")
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise ModelRetrievalError(
                f"{shown} sent more than {LARGEST_ANSWER >> 20} MiB, where a few kilobytes were expected. Check that "
                f"the address is that of the API."
            )
        if time.monotonic() > deadline:
            raise ModelRetrievalError(
                f"{shown} did not complete its answer within {seconds:g} s. Try again later, or raise "
                f"{API_CALLS_TIMEOUT.name}."
            )
    return bytes(body)


def _wait(attempt: int, answer: ApiAnswer | None) -> float:
    """Return the seconds until the next try."""
    if answer is not None and answer.retry_after is not None:
        return answer.retry_after + backoff(1, LONGEST_WAIT) / 2
    return backoff(attempt, LONGEST_WAIT / 4)
