"""From a URL to a verified file: hashed while it streams, flushed to disk, renamed into place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from attrs import field, frozen

from inference_models.download import http
from inference_models.download.integrity import FileDigests, Hasher, parse_md5, verify_md5
from inference_models.errors import redact_url

__all__ = ["DownloadSpec", "fetch"]


@frozen(kw_only=True)
class DownloadSpec:
    """A file to fetch.

    Attributes:
        url: https, or http to a loopback address. It may carry a signature, so it shows nowhere.
        name: what messages call it.
        md5: 32 hex digits; None: nothing proves the file.
        headers: for the origin of `url` only.
    """

    url: str = field(repr=redact_url)
    name: str
    md5: str | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False)


def fetch(spec: DownloadSpec, destination: Path, *, session: http.Session | None = None) -> FileDigests:
    """Fetch a file. `destination` is complete and verified, or it is as it was before.

    Args:
        spec: what to fetch.
        destination: where it goes; its folder exists. A file already there is replaced.
        session: from `http.open_session`, to reuse connections. None: one for this file.

    Returns:
        The digests of the file.

    Raises:
        ModelRetrievalError: the server cannot be reached, refuses, or breaks off.
        FileHashSumMismatch: the file is not the one that was promised.
        CorruptedModelPackageError: the promised MD5 sum is not one.
        OSError: the file cannot be written.
    """
    expected = None if spec.md5 is None else parse_md5(spec.md5, spec.name)
    # The name is of fixed length, because the destination's own may be as long as the file system allows.
    temporary = destination.parent / f".im-{os.getpid()}-{os.urandom(8).hex()}.part"
    try:
        with nullcontext(session) if session is not None else http.open_session() as opened:
            digests = _stream(spec, temporary, opened)
        if expected is not None:
            verify_md5(digests, expected, spec.name, source=redact_url(spec.url))
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)
    return digests


def _stream(spec: DownloadSpec, path: Path, session: http.Session) -> FileDigests:
    hasher = Hasher()
    with http.get(session, spec.url, spec.headers) as response, path.open("xb") as file:
        for chunk in http.read_body(response):
            file.write(chunk)
            hasher.update(chunk)
        file.flush()
        os.fsync(file.fileno())
    return hasher.digests()
