"""What every session keeps to: true to its description, safe from several threads, finished when closed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from inference_models.entities import PACKAGE_CONFIG_NAME
from inference_models.errors import BaseInferenceModelsError, ModelRuntimeError, SessionClosedError
from inference_models.predictions.arrays import to_numpy
from inference_models.sessions import Session, TensorInfo
from inference_models.testing.checks.backend_subject import BackendSubject, Feeds
from inference_models.testing.checks.comparing import difference
from inference_models.testing.checks.findings import Finding

THREADS = 8
_EQUAL = 1e-5  # two runs of one network on equal input may add in another order


def check_description(backend: BackendSubject) -> None:
    """A session names its inputs and outputs with shapes and dtypes, and says which arrays it takes."""
    session = backend.session
    if not isinstance(session, Session):
        missing = [name for name in _MEMBERS if not hasattr(session, name)]
        raise Finding(
            f"{backend} opens a {type(session).__name__}, which has no {', '.join(missing)}.",
            "Give it all that inference_models.developer_tools.Session lists.",
        )
    if session.array_kind not in {"numpy", "torch"}:
        raise Finding(f"array_kind of {backend} is {session.array_kind!r}.", 'It is "numpy" or "torch".')
    if not session.inputs:
        raise Finding(f"A session of {backend} has no inputs.", "Describe each input with a TensorInfo.")
    for info in (*session.inputs, *session.outputs):
        if problem := _problem(info):
            raise Finding(
                f"A session of {backend} describes {info!r}: {problem}.",
                "Give a TensorInfo with the network's own name, a size or None for each axis, and numpy's name of the "
                "type.",
            )
    if not isinstance(session.runtime, Mapping):
        raise Finding(f"`runtime` of {backend} is {session.runtime!r}.", "Return a mapping of facts for reports.")


_MEMBERS = ("inputs", "outputs", "device", "array_kind", "runtime", "run", "close")


def _problem(info: object) -> str | None:
    if not isinstance(info, TensorInfo):
        return "it is no TensorInfo"
    if not isinstance(info.name, str) or not info.name:
        return "it has no name"
    if not isinstance(info.shape, tuple) or not all(
        size is None or (type(size) is int and size >= 0) for size in info.shape
    ):
        return "its shape is no tuple of sizes and None"
    return None if isinstance(info.dtype, str) and info.dtype else "its dtype is no text"


def check_round_trip(backend: BackendSubject) -> None:
    """Running the tiny network gives arrays as described, the same each time, and what is expected of it."""
    session = backend.session
    feeds = backend.feeds(session)
    outputs = _run(backend, session, feeds)
    if not isinstance(outputs, dict) or not outputs:
        raise Finding(
            f"`run` of {backend} returns {type(outputs).__name__}.", "Return a dict with an array per output."
        )
    names = [info.name for info in session.outputs]
    if names and list(outputs) != names:
        raise Finding(
            f"`run` of {backend} returns {list(outputs)}, and the session describes {names}.",
            "Return an array for each described output, in that order.",
        )
    for info in session.outputs:
        _compare_with_description(backend, info, outputs[info.name])
    _same(backend, outputs, _run(backend, session, feeds), "Run again on the same feeds")
    stated = None if backend.expected is None else backend.expected(feeds)
    if stated is not None:
        expected = {name: np.asarray(to_numpy(array)) for name, array in stated.items()}
        found = {name: to_numpy(outputs[name]).astype(expected[name].dtype) for name in expected if name in outputs}
        if problem := difference(found, expected, backend.tolerance):
            raise Finding(
                f"What {backend} computes is not what is expected of the network (found, then expected): {problem}.",
                "Correct the session, or `expected` of the test; `tolerance` says how far numbers may differ.",
            )


def _compare_with_description(backend: BackendSubject, info: TensorInfo, array: Any) -> None:
    shape, dtype = tuple(array.shape), str(array.dtype).removeprefix("torch.")
    fits = len(shape) == len(info.shape) and all(
        stated is None or stated == size for stated, size in zip(info.shape, shape, strict=True)
    )
    if dtype != info.dtype or not (fits or not info.shape):
        raise Finding(
            f"Output {info.name!r} of {backend} is described as {info.dtype} {info.shape} and is {dtype} {shape}.",
            "Describe what really comes; None for an axis whose size is not fixed, an empty tuple where none is known.",
        )


def _run(backend: BackendSubject, session: Session, feeds: Feeds) -> Any:
    try:
        return session.run(feeds)
    except Exception as error:
        raise Finding(
            f"`run` of {backend} fails on its own inputs: {type(error).__name__}: {error}",
            "Run what the session itself describes; define `feeds` in the class where the network takes less.",
        ) from None


def _same(backend: BackendSubject, one: Mapping[str, Any], other: Mapping[str, Any], when: str) -> None:
    if problem := difference(dict(one), dict(other), _EQUAL):
        raise Finding(
            f"{when}, {backend} gives something else: {problem}.",
            "Share no buffer between runs, and give out copies of what the runtime will write to again.",
        )


def check_ownership(backend: BackendSubject) -> None:
    """A run neither changes its feeds nor touches what earlier runs returned, and outputs may be written to."""
    session = backend.session
    feeds = backend.feeds(session)
    before = {name: to_numpy(array).copy() for name, array in feeds.items()}
    outputs = _run(backend, session, feeds)
    kept = {name: to_numpy(array).copy() for name, array in outputs.items()}
    _run(backend, session, backend.feeds(session, seed=1))
    _same(backend, {name: to_numpy(array) for name, array in outputs.items()}, kept, "After another run")
    if problem := difference({name: to_numpy(array) for name, array in feeds.items()}, before, 0):
        raise Finding(f"`run` of {backend} changes its feeds: {problem}.", "Copy what must be changed.")
    for array in outputs.values():
        array[...] = 0
    again = _run(backend, session, feeds)
    _same(backend, {name: to_numpy(array) for name, array in again.items()}, kept, "After its outputs were written to")


def check_wrong_feeds(backend: BackendSubject) -> None:
    """Feeds with wrong names, types, dtypes or shapes are a ModelRuntimeError, and the session lives on."""
    session = backend.session
    feeds = dict(backend.feeds(session))
    good = _run(backend, session, feeds)
    for what, wrong in _wrong_feeds(session, feeds).items():
        try:
            session.run(wrong)
        except ModelRuntimeError:
            continue
        except Exception as error:
            raise Finding(
                f"Given {what}, `run` of {backend} fails with {type(error).__name__}: {error}",
                "Raise ModelRuntimeError with what is expected and what was given.",
            ) from None
        raise Finding(
            f"Given {what}, `run` of {backend} answers all the same.",
            "Raise ModelRuntimeError: a runtime that converts in silence hides a mistake of the model's.",
        )
    _same(backend, _run(backend, session, feeds), good, "After refusing wrong feeds")


def _wrong_feeds(session: Session, feeds: Feeds) -> dict[str, Any]:
    info, array = session.inputs[0], feeds[session.inputs[0].name]
    others = {name: value for name, value in feeds.items() if name != info.name}
    wrong: dict[str, Any] = {
        "no feeds": {},
        "an input that the network does not have": {**feeds, "no such input": array},
        "a list in the place of an array": {**feeds, info.name: [1.0]},
        "no array for an input": {**others, info.name: None},
    }
    numbers = to_numpy(array)
    if numbers.dtype.kind in "fiu":
        other = array.astype("float64") if session.array_kind == "numpy" else array.double()
        if str(other.dtype) != str(array.dtype):
            wrong["float64 numbers for an input of another dtype"] = {**feeds, info.name: other}
    fixed = [axis for axis, size in enumerate(info.shape) if size is not None and axis > 0]
    if fixed:
        longer = [slice(None)] * len(info.shape)
        longer[fixed[0]] = [0] * (numbers.shape[fixed[0]] + 1)  # type: ignore[call-overload]
        wrong["an array that is too long"] = {**feeds, info.name: array[tuple(longer)]}
    return wrong


def check_threads(backend: BackendSubject) -> None:
    """Several threads that run one session at once get what each would get alone."""
    session = backend.session
    feeds = [backend.feeds(session, seed) for seed in range(THREADS)]
    alone = [_run(backend, session, one) for one in feeds]
    with ThreadPoolExecutor(THREADS) as threads:
        together = list(threads.map(lambda one: _run(backend, session, one), feeds * 3))
    for expected, found in zip(alone * 3, together, strict=True):
        _same(backend, expected, found, f"Run by {THREADS} threads at once")


def check_close(backend: BackendSubject) -> None:
    """Closing a session again does nothing, also right after opening it."""
    session = backend.open()
    for _ in range(2):
        try:
            session.close()
        except Exception as error:
            raise Finding(
                f"Closing a session of {backend} fails: {type(error).__name__}: {error}",
                "Let `close` release what is held, and do nothing where nothing is.",
            ) from None


def check_use_after_close(backend: BackendSubject) -> None:
    """Running a closed session is a SessionClosedError; other sessions are not touched."""
    session, other = backend.open(), backend.open()
    feeds = backend.feeds(session)
    session.close()
    try:
        session.run(feeds)
    except SessionClosedError:
        pass
    except Exception as error:
        raise Finding(
            f"Running a closed session of {backend} fails with {type(error).__name__}: {error}",
            "Raise SessionClosedError.",
        ) from None
    else:
        raise Finding(f"A closed session of {backend} still runs.", "Raise SessionClosedError in `run` after `close`.")
    _run(backend, other, feeds)


def check_broken_package(backend: BackendSubject) -> None:
    """A package without a network, or with one that is cut short, is one of the library's errors, not a crash."""
    backend.require_session()
    source = backend.metadata.directory
    assert source is not None, "a local package has a directory"
    with tempfile.TemporaryDirectory() as place:
        empty = Path(place) / "empty"
        empty.mkdir()
        _refuses(backend, empty, "a package without a network")
        cut = Path(place) / "cut"
        shutil.copytree(source, cut)
        for file in cut.rglob("*"):
            if file.is_file() and file.name != PACKAGE_CONFIG_NAME:
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        _refuses(backend, cut, "a network that is cut short")


def _refuses(backend: BackendSubject, directory: Path, what: str) -> None:
    try:
        backend.open(directory=directory)
    except BaseInferenceModelsError:
        return
    except Exception as error:
        raise Finding(
            f"Given {what}, {backend} fails with {type(error).__name__}: {error}",
            "Raise CorruptedModelPackageError with the file and what is wrong with it.",
        ) from None
    raise Finding(
        f"Given {what}, {backend} opens a session all the same.", "Read the network in `open_session`, not in `run`."
    )
