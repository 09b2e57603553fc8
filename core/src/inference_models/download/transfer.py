"""One file on its way: asked for, taken in pieces where the server allows it, gone on with, verified, put in place."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

from inference_models.configuration import DOWNLOAD_MAX_FILE_SIZE
from inference_models.download import http
from inference_models.download.failures import RequestError
from inference_models.download.integrity import FileDigests, hash_file, verify
from inference_models.download.line import Line
from inference_models.download.partial import Abandoned, Attempt, Partial, Source
from inference_models.download.ranges import Changed, Unusable, asked_range, pieces, read_answer, resumable
from inference_models.download.retries import Tries
from inference_models.download.spec import DownloadSpec
from inference_models.errors import FileHashSumMismatch, ModelRetrievalError, redact_url

__all__ = ["Transfer"]

_MOST_RESTARTS = 3
_REFRESHED = frozenset({401, 403, 410})


@frozen(eq=False)
class _Address:
    url: str
    headers: Mapping[str, str]


class Transfer:
    """Fetches one file with the threads of a `Line`. `digests` has a value when it is done."""

    def __init__(self, spec: DownloadSpec, destination: Path, line: Line) -> None:
        self.spec = spec
        self.destination = destination
        self.digests: FileDigests | None = None
        self._line = line
        self._lock = threading.Lock()
        self._partial: Partial | None = None
        self._attempt: Attempt | None = None
        self._address = _Address(spec.url, spec.headers)
        self._refreshed_at: int | None = None  # bytes that had come when the address was last replaced
        self._is_plain = False  # the server did not understand ranges
        self._is_finishing = False
        self._restarts = 0
        self._mismatches = 0
        self._is_wrong = False
        self._largest = DOWNLOAD_MAX_FILE_SIZE.get()

    @property
    def remaining(self) -> int:
        """How many bytes are still to be written, as far as anybody knows."""
        if self.digests is not None:
            return 0
        attempt = self._attempt
        return (self.spec.size or 0) if attempt is None else max(0, (attempt.source.size or 0) - attempt.done)

    def run(self) -> None:
        """Begin, or go on where an earlier process stopped. A task for the line's workers."""
        if (found := self._already_there()) is not None:
            self.digests = found
            return
        self._partial = Partial(self.destination)
        if self.spec.size is not None:
            self._check_size(self.spec.size, is_final=True)
        self._attempt = self._partial.resume(redact_url(self.spec.url), self.spec.promised)
        if self._attempt is not None:
            self._line.start(self.spec.name, self._attempt.source.size, self._attempt.done)
            if self._attempt.source.size is not None and not self._attempt.missing():
                self._finish(self._attempt)
                return
        self._lead()

    def close(self, *, keep: bool) -> None:
        """Give the place on disk free; with `keep`, a later attempt can go on from what has come."""
        if self._partial is not None:
            self._partial.close(keep=keep and not self._is_wrong)

    def _already_there(self) -> FileDigests | None:
        if not self.spec.promised or self.destination.is_symlink() or not self.destination.is_file():
            return None
        digests = hash_file(self.destination)
        try:
            self._verify(digests)
        except FileHashSumMismatch:
            return None
        return digests

    def _lead(self) -> None:
        """Ask for the first bytes that are missing, and learn from the answer how to get the others."""
        tries = Tries(self._line.workers.pause)
        while True:
            address = self._address
            # Without a hash and a validator, nothing would tell that the file has changed in between.
            begun = None if self._is_plain else resumable(self._attempt)
            first, last = asked_range(begun)
            conditions = {} if self._is_plain else self._conditions(first, last, begun)
            try:
                with self._open(address, conditions, (200, 206, 416)) as response:
                    answer = read_answer(response, address.url, first, last, None if begun is None else begun.source)
                    if answer.source.size is not None:
                        self._check_size(answer.source.size, is_final=True)
                    if answer.is_whole:
                        self._take_whole(response, answer.source, tries)
                        return
                    attempt = begun or self._begin(answer.source)
                    attempt.source = evolve(attempt.source, size=answer.source.size)
                    self._share(attempt, answer.first, answer.stop)
                    self._take_piece(attempt, answer.first, answer.stop, response)
                    return
            except RequestError as failure:
                self._recover(failure, address, tries)
            except Changed:
                self._forget(begun)
            except Unusable as problem:
                if self._is_plain:
                    raise ModelRetrievalError(f"{problem} Tell the provider of the file.") from None
                self._is_plain = True

    def _take_whole(self, response: http.Response, source: Source, tries: Tries) -> None:
        """Take a body that begins at the first byte and cannot be had in pieces."""
        attempt = self._begin(source)
        position = 0
        with attempt.path.open("r+b", buffering=0) as file:
            for block in http.read_body(response):
                self._check_size(position + len(block), is_final=False)
                attempt.write(file, position, block)
                position += len(block)
                tries.reached(position)
                self._line.advance(self.spec.name, len(block))
        attempt.source = evolve(source, size=position)
        self._finish_if_complete(attempt)

    def _take_piece(self, attempt: Attempt, position: int, stop: int, response: http.Response | None = None) -> None:
        """Take the bytes from `position` to `stop`, from `response` first if it is given. A task, too."""
        tries = Tries(self._line.workers.pause)
        with attempt.path.open("r+b", buffering=0) as file:
            while position < stop:
                address = self._address
                try:
                    for block in self._blocks(response, address, attempt, position, stop):
                        if position + len(block) > stop:
                            raise Unusable(f"{redact_url(address.url)} sent more than it was asked for.")
                        attempt.write(file, position, block)
                        position += len(block)
                        tries.reached(position)
                        self._line.advance(self.spec.name, len(block))
                except RequestError as failure:
                    self._recover(failure, address, tries)
                except (Changed, Unusable) as problem:
                    self._is_plain = self._is_plain or isinstance(problem, Unusable)
                    self._restart(attempt)
                    return
                response = None
        self._finish_if_complete(attempt)

    def _blocks(
        self, response: http.Response | None, address: _Address, attempt: Attempt, position: int, stop: int
    ) -> Iterator[bytes]:
        if response is not None:
            yield from http.read_body(response)
            return
        with self._open(address, self._conditions(position, stop - 1, attempt), (200, 206, 416)) as fresh:
            answer = read_answer(fresh, address.url, position, stop - 1, attempt.source)
            if answer.is_whole:
                raise Unusable(f"{redact_url(address.url)} sent a whole file instead of a part of it.")
            yield from http.read_body(fresh)

    @contextmanager
    def _open(
        self, address: _Address, conditions: Mapping[str, str], accept: Collection[int]
    ) -> Iterator[http.Response]:
        with (
            self._line.workers.asking(address.url) as note,
            http.get(
                self._line.session, address.url, address.headers, conditions=conditions, accept=accept
            ) as response,
        ):
            note(response)
            yield response

    def _conditions(self, first: int, last: int, attempt: Attempt | None) -> dict[str, str]:
        conditions = {"Range": f"bytes={first}-{last}"}
        if attempt is not None and attempt.source.url == redact_url(self._address.url):
            validator = attempt.source.validator
            conditions |= {"If-Range": validator} if validator else {}
        return conditions

    def _begin(self, source: Source) -> Attempt:
        assert self._partial is not None
        with self._lock:
            self._attempt = attempt = self._partial.begin(evolve(source, promised=self.spec.promised))
        self._line.check_space(self.destination.parent)
        self._line.start(self.spec.name, source.size, 0)
        return attempt

    def _share(self, attempt: Attempt, first: int, stop: int) -> None:
        """Have other threads take what lies outside of the piece that this one takes."""
        self._line.check_space(self.destination.parent)
        for start, end in pieces(attempt.missing(), first, stop):
            self._line.workers.submit(partial(self._take_piece, attempt, start, end))

    def _check_size(self, size: int, *, is_final: bool) -> None:
        """Refuse another size than was promised, and one that is too large. Not final: there may be more to come."""
        expected = self.spec.size
        if expected is not None and (size > expected or (is_final and size != expected)):
            self._is_wrong = True
            raise FileHashSumMismatch(
                f"File {self.spec.name!r} from {redact_url(self.spec.url)} is not the one that was promised: expected "
                f"{expected} bytes, the server has {size}{'' if is_final else ' or more'}. It was not kept. Try again; "
                f"if it repeats, the provider's file or its stated size is wrong."
            )
        if size > self._largest:
            self._is_wrong = True
            raise ModelRetrievalError(
                f"File {self.spec.name!r} from {redact_url(self.spec.url)} is too large: it has {size} bytes"
                f"{'' if is_final else ' or more'}, and {self._largest} are the most that a file may have. Nothing of "
                f"it was kept. If it is to be so large, raise {DOWNLOAD_MAX_FILE_SIZE.name}."
            )

    def _recover(self, failure: RequestError, address: _Address, tries: Tries) -> None:
        """Return when another request makes sense. Raises: `failure`, or RetryError."""
        if failure.status in _REFRESHED and self.spec.refresh is not None:
            with self._lock:
                if self._address is not address:
                    return  # another thread has a fresh one already
                done = 0 if self._attempt is None else self._attempt.done
                # A signature may expire several times while a large file comes. One that never served is no use.
                if self._refreshed_at is None or done > self._refreshed_at:
                    self._refreshed_at = done
                    fresh = self.spec.refresh()
                    self._address = _Address(fresh.url, fresh.headers)
                    return
        tries.failed(failure)

    def _forget(self, attempt: Attempt | None) -> None:
        """End `attempt`: the file on the server is another one now. Raises: Abandoned when it has ended before."""
        with self._lock:
            if attempt is None or self._attempt is not attempt:
                raise Abandoned
            attempt.end()
            self._attempt = None
            self._refreshed_at = None
            self._is_finishing = False
            self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise ModelRetrievalError(
                f"{redact_url(self.spec.url)} changes while it is fetched: begun {self._restarts} times, and never the "
                f"same file to the end. Try again later."
            )

    def _restart(self, attempt: Attempt) -> None:
        self._forget(attempt)
        self._line.workers.submit(self._lead)

    def _finish_if_complete(self, attempt: Attempt) -> None:
        with self._lock:
            if self._attempt is not attempt or self._is_finishing or attempt.missing():
                return
            self._is_finishing = True
        self._finish(attempt)

    def _finish(self, attempt: Attempt) -> None:
        assert self._partial is not None
        digests = attempt.digests()
        try:
            self._verify(digests)
        except FileHashSumMismatch as problem:
            self._mismatches += 1
            if self._mismatches > 1:
                self._is_wrong = True
                raise
            self._line.message(f"{problem.message} Fetching it once more.")
            self._restart(attempt)
            return
        self._partial.publish(self.destination)
        self._partial.close(keep=False)
        self.digests = digests
        self._line.finish(self.spec.name, self.destination)

    def _verify(self, digests: FileDigests) -> None:
        spec = self.spec
        source = redact_url(spec.url)
        verify(digests, spec.name, source=source, md5=spec.md5, sha256=spec.sha256, size=spec.size)
