"""What has come of a file so far, on disk, so that a later attempt goes on from there, also in another process.

Beside the destination lie `.im-<name>.part` with the bytes at their places and `.im-<name>.state`: a line of JSON that
says which file it is, then a line `start stop` for each block that was written. Blocks are noted after they were
written, so a killed process loses at most the block in hand. A wrong note cannot do harm: the hash decides in the end.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

from attrs import asdict, frozen

from inference_models.download.claims import claim
from inference_models.download.integrity import FileDigests, Hasher

__all__ = ["Abandoned", "Attempt", "Partial", "Source", "Span"]

Span = tuple[int, int]

_FORMAT = 1
_LONGEST_NAME = 240
_HASH_AT_ONCE = 1 << 20
_HASH_TURN = 4 << 20


class Abandoned(Exception):  # noqa: N818 (no error: the work was given to somebody else)
    """The attempt that this work was for has ended; whoever ended it goes on."""


@frozen
class Source:
    """Which bytes these are: what the server and the provider said of the file.

    Attributes:
        url: without query: signatures change, the file does not.
        size: in bytes; None when the server did not say.
        etag: the server's strong validator; "" without one.
        last_modified: its weaker one.
        promised: the hashes that the provider states.
    """

    url: str
    size: int | None
    etag: str = ""
    last_modified: str = ""
    promised: tuple[str, ...] = ()

    @property
    def validator(self) -> str:
        """What If-Range may be asked with; "" when there is nothing."""
        return self.etag or self.last_modified

    @property
    def is_recognisable(self) -> bool:
        """Whether a change of the file would be noticed when it is fetched in several parts."""
        return bool(self.promised or self.validator)


class Attempt:
    """One way through a file, from its first byte or from where another attempt stopped."""

    def __init__(self, source: Source, path: Path, log: FileIO, spans: list[Span]) -> None:
        self.source = source
        self.path = path
        self._log = log
        self._spans = spans
        self._lock = threading.Lock()
        self._hash_lock = threading.Lock()
        self._hasher = Hasher()
        self._buffer = memoryview(bytearray(_HASH_AT_ONCE))
        self._is_over = False

    @property
    def done(self) -> int:
        """How many bytes are there."""
        with self._lock:
            return sum(stop - start for start, stop in self._spans)

    @property
    def prefix(self) -> int:
        """How many bytes are there from the first one on, without a gap."""
        with self._lock:
            return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    def missing(self) -> list[Span]:
        """Return the gaps. The size must be known."""
        size = self.source.size or 0
        with self._lock:
            edges = [0, *(edge for span in self._spans for edge in span), size]
        return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]

    def write(self, file: FileIO, start: int, block: bytes) -> None:
        """Write `block` at `start`. Raises: Abandoned, OSError."""
        if self._is_over:
            raise Abandoned
        file.seek(start)
        rest = memoryview(block)
        while rest:
            rest = rest[file.write(rest) :]
        stop = start + len(block)
        _start_writing(file, start, len(block))
        with self._lock:
            if self._is_over:
                raise Abandoned
            self._spans = _merged([*self._spans, (start, stop)])
            self._log.write(b"%d %d\n" % (start, stop))
        self._hash_some(start, block)

    def digests(self) -> FileDigests:
        """Return the digests of all that is there, once it is complete. Raises: OSError."""
        with self._hash_lock:
            self._hash_until(self.prefix)
            return self._hasher.digests()

    def end(self) -> None:
        """Stop others from going on with it."""
        with self._lock:
            self._is_over = True

    def _hash_some(self, start: int, block: bytes) -> None:
        """Hash what has come without a gap, unless another thread is at it; for so long that no server gets tired."""
        if self.prefix <= self._hasher.size or not self._hash_lock.acquire(blocking=False):
            return
        try:
            if start == self._hasher.size:
                self._hasher.update(block)
            if self.prefix - self._hasher.size >= _HASH_AT_ONCE:
                self._hash_until(min(self.prefix, self._hasher.size + _HASH_TURN))
        finally:
            self._hash_lock.release()

    def _hash_until(self, stop: int) -> None:
        # From the file, because blocks come in any order. It was written just now, so the disk is not waited for.
        with self.path.open("rb", buffering=0) as file:
            file.seek(self._hasher.size)
            while (left := stop - self._hasher.size) > 0:
                count = file.readinto(self._buffer[:left])
                if not count:
                    raise OSError(f"{self.path} is shorter than what was written to it")
                self._hasher.update(self._buffer[:count])


class Partial:
    """The place of an unfinished file. Nobody else writes to it as long as it is open.

    Args:
        destination: the finished file's path. When another thread or process is fetching it at the same time, this
            one uses a place of its own, which does not outlast it.
    """

    def __init__(self, destination: Path) -> None:
        stem = f".im-{_short(destination.name)}"
        state = destination.with_name(f"{stem}.state")
        log = claim(state)
        self._is_private = log is None
        if log is None:
            stem = f".im-{os.getpid()}-{os.urandom(8).hex()}"
            state = destination.with_name(f"{stem}.state")
            log = FileIO(state, "x+")
        self._state, self._log = state, log
        self.path = destination.with_name(f"{stem}.part")
        self._attempt: Attempt | None = None

    def resume(self, url: str, promised: tuple[str, ...]) -> Attempt | None:
        """Return the attempt that an earlier process left for this file; None when there is none, or it is another."""
        found = self._read()
        if found is None:
            return None
        source, spans = found
        is_same = source.promised == promised and (bool(promised) or (source.url == url and bool(source.validator)))
        if not is_same or not spans:
            return None
        self._attempt = Attempt(source, self.path, self._log, spans)
        return self._attempt

    def begin(self, source: Source) -> Attempt:
        """Return an attempt from the first byte on. An earlier one ends."""
        if self._attempt is not None:
            self._attempt.end()
        # A new file, not a shortened one: who still writes to the old one does no harm.
        self.path.unlink(missing_ok=True)
        self.path.touch(mode=0o644, exist_ok=False)  # no other user may write, whatever the umask
        self._log.seek(0)
        self._log.truncate()
        self._log.write(json.dumps({"format": _FORMAT, **asdict(source)}).encode() + b"\n")
        self._attempt = Attempt(source, self.path, self._log, [])
        return self._attempt

    def publish(self, destination: Path) -> None:
        """Flush the file to disk and put it in its place. Raises: OSError."""
        with self.path.open("r+b", buffering=0) as file:
            os.fsync(file.fileno())
        self.path.replace(destination)

    def close(self, *, keep: bool) -> None:
        """Let others have it. With `keep`, what has come stays for a later attempt, if it can be of use to one.

        Closed once, it stays closed: its files may be somebody else's by the next time.
        """
        if self._log.closed:
            return
        if self._attempt is not None:
            self._attempt.end()
        is_useful = self._attempt is not None and self._attempt.source.is_recognisable
        is_kept = keep and is_useful and not self._is_private
        if os.name == "nt":  # there, an open file cannot be removed
            self._log.close()
        for path in () if is_kept else (self.path, self._state):
            with suppress(OSError):
                path.unlink()
        self._log.close()

    def _read(self) -> tuple[Source, list[Span]] | None:
        try:
            size = self.path.lstat().st_size if self.path.is_file() and not self.path.is_symlink() else 0
            self._log.seek(0)
            lines = self._log.read().split(b"\n")
            header = json.loads(lines[0])
            if header.pop("format") != _FORMAT:
                return None
            source = Source(**{**header, "promised": tuple(header["promised"])})
            # The last line is empty, or was cut short.
            spans = [(int(start), min(int(stop), size)) for start, stop in map(bytes.split, lines[1:-1])]
            limit = size if source.size is None else source.size
            return source, _merged([span for span in spans if 0 <= span[0] < span[1] <= limit])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _start_writing(file: FileIO, start: int, count: int) -> None:
    """Have the system begin to write to disk now, in the background, so that the flush at the end is short."""
    if sys.platform == "linux":
        # What is still to be written is not dropped from memory by this advice, but it is written soon.
        os.posix_fadvise(file.fileno(), start, count, os.POSIX_FADV_DONTNEED)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def _short(name: str) -> str:
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    from hashlib import sha256

    return sha256(name.encode()).hexdigest()
