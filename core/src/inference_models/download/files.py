"""From URLs to verified files: in parallel, gone on with after any interruption, renamed into place when complete."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

from inference_models.configuration import DOWNLOAD_DEADLINE
from inference_models.download import http
from inference_models.download.integrity import FileDigests
from inference_models.download.line import Line
from inference_models.download.progress import ProgressSink
from inference_models.download.spec import DownloadSpec
from inference_models.download.transfer import Transfer
from inference_models.download.workers import Workers
from inference_models.errors import InvalidParameterError

__all__ = ["DownloadSpec", "fetch", "fetch_all"]

MAX_PARALLEL = 8

# What has come is given up then: others need the space, too.
_DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


def fetch(
    spec: DownloadSpec,
    destination: Path,
    *,
    session: http.Session | None = None,
    progress: ProgressSink | None = None,
) -> FileDigests:
    """Fetch a file. `destination` is complete and verified, or it is as it was before.

    What has come when it fails lies beside `destination`; the next call, in whichever process, goes on from there.
    A file that is at `destination` already is kept when it has the promised hashes, else replaced.

    Args:
        spec: what to fetch.
        destination: where it goes; its folder exists.
        session: from `http.open_session`, to reuse connections. None: one for this file.
        progress: is told how far it is.

    Returns:
        The digests of the file.

    Raises:
        OfflineModeError: the network is switched off.
        RetryError: the server kept failing.
        ModelRetrievalError: the server refuses, is too slow, or sends what cannot be used.
        FileHashSumMismatch: the file is not the one that was promised, twice.
        CorruptedModelPackageError: a promised hash is not one.
        OSError: the file cannot be written, or does not fit on the disk.
    """
    [digests] = _run([(spec.checked(), destination)], session, MAX_PARALLEL, progress, None)
    return digests


def fetch_all(
    specs: Iterable[DownloadSpec],
    directory: Path,
    *,
    max_parallel: int = MAX_PARALLEL,
    progress: ProgressSink | None = None,
    on_file_created: Callable[[Path], object] | None = None,
) -> dict[str, FileDigests]:
    """Fetch files into `directory`, several at once. The first failure ends all; finished and begun files stay.

    Args:
        specs: what to fetch. Their names are paths in `directory`, which the caller has checked.
        directory: exists. Folders in it are made as the names say.
        max_parallel: how many connections are open at the same time.
        progress: is told how far each file is.
        on_file_created: called with the path of each file when it is in its place; not for those that were there.

    Returns:
        The digests of each file by its name.

    Raises:
        InvalidParameterError: two files have one name, or `max_parallel` is not positive.
        Exception: as `fetch` does.
    """
    checked = [spec.checked() for spec in specs]
    if len({spec.name for spec in checked}) < len(checked) or max_parallel < 1:
        raise InvalidParameterError("Give each file a name of its own, and max_parallel of 1 or more.")
    pairs = []
    for spec in checked:
        path = directory / spec.name
        for folder in reversed(path.parents[: spec.name.count("/")]):
            folder.mkdir(mode=0o755, exist_ok=True)  # less the umask: others may look, never write
        pairs.append((spec, path))
    digests = _run(pairs, None, max_parallel, progress, on_file_created)
    return {spec.name: found for spec, found in zip(checked, digests, strict=True)}


def _run(
    pairs: Sequence[tuple[DownloadSpec, Path]],
    session: http.Session | None,
    max_parallel: int,
    progress: ProgressSink | None,
    on_file_created: Callable[[Path], object] | None,
) -> list[FileDigests]:
    workers = Workers(max_parallel)
    with nullcontext(session) if session is not None else http.open_session() as opened:
        line = Line(opened, workers, progress, on_file_created)
        line.transfers = [Transfer(spec, path, line) for spec, path in pairs]
        keep = True
        try:
            for transfer in line.transfers:
                workers.submit(transfer.run)
            workers.wait(DOWNLOAD_DEADLINE.get())
        except OSError as error:
            keep = error.errno not in _DISK_FULL
            raise
        finally:
            workers.stop()
            for transfer in line.transfers:
                transfer.close(keep=keep)
    return [transfer.digests for transfer in line.transfers if transfer.digests is not None]
