"""Asking for parts of a file, and understanding what comes (RFC 9110, chapter 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import field, frozen

from inference_models.download.http import Response, announced_length
from inference_models.download.partial import Attempt, Source, Span
from inference_models.errors import redact_url

__all__ = ["FIRST_SIZE", "Changed", "Unusable", "asked_range", "pieces", "read_answer", "resumable"]

FIRST_SIZE = 32 << 20
"""The most bytes that the first request asks for; a file up to this size takes only that one."""

PIECE_SIZE = 16 << 20
"""The most bytes that any other request asks for."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})\Z", re.ASCII)


class Changed(Exception):  # noqa: N818 (no error: the file is fetched anew)
    """The file on the server is not the one that was begun."""


class Unusable(Exception):  # noqa: N818 (no error: the file is asked for in another way)
    """The server does not answer a request for a part as it should."""


@frozen
class Answer:
    """What a server gives: the whole file, or the bytes from `first` to before `stop` of it."""

    source: Source
    first: int = 0
    stop: int = 0
    is_whole: bool = field(default=False, kw_only=True)


def resumable(attempt: Attempt | None) -> Attempt | None:
    """Return `attempt` if there is something of it to go on from, and something to go on to; else None."""
    if attempt is None or not attempt.source.is_recognisable:
        return None
    return attempt if attempt.done and (attempt.source.size is None or attempt.missing()) else None


def asked_range(begun: Attempt | None) -> Span:
    """Return the first and last byte of what to ask for next."""
    if begun is None:
        return 0, FIRST_SIZE - 1
    if begun.source.size is None:
        return begun.prefix, begun.prefix + FIRST_SIZE - 1
    start, stop = begun.missing()[0]
    return start, min(stop, start + FIRST_SIZE) - 1


def pieces(gaps: list[Span], first: int, stop: int) -> Iterator[Span]:
    """Yield what to fetch of `gaps`, without the part from `first` to `stop`, in pieces of a bearable size."""
    for start, end in gaps:
        for low, high in ((start, min(end, first)), (max(start, stop), end)):
            for begin in range(low, high, PIECE_SIZE):
                yield begin, min(begin + PIECE_SIZE, high)


def read_answer(response: Response, url: str, first: int, last: int, begun: Source | None) -> Answer:
    """Return what the head of `response` says.

    Args:
        response: with status 200, 206 or 416.
        url: that was asked; redirects from there may lead elsewhere each time.
        first: the first byte that was asked for.
        last: the last one.
        begun: the file that this is to be a part of; None: it is a new one.

    Raises:
        Changed: it is a part of another file.
        Unusable: it is not what was asked for.
    """
    shown = redact_url(response.url)
    if response.status_code == 200:
        return Answer(_source(response, url, announced_length(response)), is_whole=True)
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", "").strip())
    if response.status_code != 206 or match is None:
        raise Unusable(f"{shown} does not give the bytes {first} to {last} that it was asked for.")
    start, end, size = map(int, match.groups())
    length = announced_length(response)
    if start != first or not start <= end <= last or end >= size or length not in {None, end + 1 - start}:
        raise Unusable(f"{shown} was asked for the bytes {first} to {last} and gives {start} to {end} of {size}.")
    source = _source(response, url, size)
    if begun is not None and not _is_same(begun, source):
        raise Changed
    return Answer(source, start, end + 1)


def _source(response: Response, url: str, size: int | None) -> Source:
    etag = response.headers.get("ETag", "").strip()
    return Source(
        url=redact_url(url),
        size=size,
        etag=etag if etag.startswith('"') else "",  # a weak one (W/...) does not promise the same bytes
        last_modified=response.headers.get("Last-Modified", "").strip(),
    )


def _is_same(begun: Source, now: Source) -> bool:
    if begun.size not in {None, now.size}:
        return False
    if begun.url != now.url:
        return bool(begun.promised)  # another server has validators of its own; the hash decides
    pairs = ((begun.etag, now.etag), (begun.last_modified, now.last_modified))
    return all(before == after for before, after in pairs if before and after)
