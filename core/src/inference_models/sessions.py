"""A session: a model package opened in a backend, arrays in, arrays out; and batching over any session.

Backends provide sessions, model families are written over them. What a backend is does not show here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

from attrs import frozen

from inference_models.entities import ArrayKind
from inference_models.errors import ModelRuntimeError

Array: TypeAlias = Any
"""A numpy array or a torch tensor. `Any`, because the core never imports torch, not even for types."""


@frozen
class TensorInfo:
    """Name, shape and dtype of one input or output of a session.

    Attributes:
        name: as the network names it.
        shape: one entry per axis; an int where the size is fixed, None where it is free or not known. Empty for a
            single value, and where nothing is known about the axes.
        dtype: numpy's name of the element type, for example "float32".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@runtime_checkable
class Session(Protocol):
    """A package opened in a backend. Safe to `run` from several threads at once.

    A session whose batch axis is free within limits only has `batch_range`, too: (smallest, largest).
    """

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The network's inputs, in its own order."""

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The network's outputs, in its own order; empty when they are known only once it has run."""

    @property
    def device(self) -> str:
        """The device it really runs on, for example "cpu" or "cuda:0"."""

    @property
    def array_kind(self) -> ArrayKind:
        """Which library's arrays `run` takes and returns."""

    @property
    def runtime(self) -> Mapping[str, object]:
        """What it really got: execution providers, threads, versions. For reports."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the network once.

        Args:
            feeds: an array for each input name, of the input's dtype and shape.

        Returns:
            An array for each output name. They belong to the caller.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend refused or failed.
        """

    def close(self) -> None:
        """Release what the session holds. Calling it again does nothing."""


def batch_limits(session: Session) -> tuple[int, int | None]:
    """Return (smallest, largest) batch that `session` runs at once; largest None means no limit."""
    stated: tuple[int, int | None] | None = getattr(session, "batch_range", None)
    if stated is not None:
        return stated
    size = session.inputs[0].shape[0] if session.inputs and session.inputs[0].shape else None
    return (size, size) if size is not None else (1, None)


def run_batched(
    session: Session,
    feeds: Mapping[str, Array],
    *,
    min_batch_size: int | None = None,
    max_batch_size: int | None = None,
) -> dict[str, Array]:
    """Run any number of items through a session: split to what it takes, pad the rest, join.

    Args:
        session: the session to run.
        feeds: an array for each input; the first axis of each is the batch, equally long in all.
        min_batch_size: shorter batches are padded with zeros. Default: what the session states.
        max_batch_size: longer batches are split. Default: what the session states.

    Returns:
        An array for each output name, the first axis as long as that of `feeds`.

    Raises:
        ModelRuntimeError: inputs disagree on the batch, or an output has no batch axis to cut.
    """
    return join_batches(run_in_batches(session, feeds, min_batch_size=min_batch_size, max_batch_size=max_batch_size))


@frozen
class BatchRun:
    """What came out of one run of a session.

    Attributes:
        outputs: an array for each output name.
        length: how many items were run that were asked for, the first ones.
        size: how many items were run, padding included.
    """

    outputs: dict[str, Array]
    length: int
    size: int


def run_in_batches(
    session: Session,
    feeds: Mapping[str, Array],
    *,
    min_batch_size: int | None = None,
    max_batch_size: int | None = None,
) -> list[BatchRun]:
    """Run any number of items through a session as `run_batched` does, and return the runs one by one.

    For networks whose outputs have no batch axis, so that only who knows them can join them.

    Args:
        session: the session to run.
        feeds: an array for each input; the first axis of each is the batch, equally long in all.
        min_batch_size: shorter batches are padded with zeros. Default: what the session states.
        max_batch_size: longer batches are split. Default: what the session states.

    Raises:
        ModelRuntimeError: inputs disagree on the batch.
    """
    smallest, largest = batch_limits(session)
    smallest = max(smallest, min_batch_size or 1)
    if max_batch_size is not None:
        largest = max_batch_size if largest is None else min(largest, max_batch_size)
    total = _batch_length(feeds)
    if total >= smallest and (largest is None or total <= largest):
        return [BatchRun(session.run(feeds), total, total)]
    return [_run_padded(session, chunk, length, smallest) for chunk, length in _chunks(feeds, total, largest or total)]


def join_batches(runs: Sequence[BatchRun]) -> dict[str, Array]:
    """Return an array for each output name with the items of all runs, without the padding.

    Raises:
        ModelRuntimeError: an output has no batch axis to cut.
    """
    if len(runs) == 1 and runs[0].length == runs[0].size:
        return runs[0].outputs
    pieces = [_cut(run) for run in runs]
    return {name: _concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def run_failure(session: Session, name: str, feeds: Mapping[str, Any], reason: str) -> ModelRuntimeError:
    """Return the error to raise for a run that a session refuses or that failed.

    Args:
        session: names what it takes (`inputs`), and where it runs.
        name: what users know the network by, such as the name of its file.
        feeds: what was given. Anything, also what is no array.
        reason: why it did not run; a full stop at its end is not needed.

    Returns:
        An error whose message puts names, dtypes and shapes of what is expected beside those of what was given.
    """
    expected = ", ".join(f"{info.name} {info.dtype}{_shape_text(info.shape)}" for info in session.inputs)
    given = ", ".join(f"{key} {_array_text(array)}" for key, array in feeds.items())
    return ModelRuntimeError(
        f"{name} did not run on {session.device}: {reason.rstrip('.')}. "
        f"Expected: {expected or 'no input'}. Got: {given or 'nothing'}."
    )


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return f" ({', '.join('any' if size is None else str(size) for size in shape)})" if shape else ""


def _array_text(array: Any) -> str:
    dtype, shape = getattr(array, "dtype", None), getattr(array, "shape", None)
    if dtype is None or shape is None:
        return type(array).__name__
    return f"{str(dtype).removeprefix('torch.')} {tuple(shape)}"


def _batch_length(feeds: Mapping[str, Array]) -> int:
    lengths = {len(array) if array.ndim else 0 for array in feeds.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ModelRuntimeError(
            f"The inputs of one run must hold the same number of items, at least one; got {sorted(lengths)}."
        )
    return lengths.pop()


def _chunks(feeds: Mapping[str, Array], total: int, size: int) -> Iterator[tuple[dict[str, Array], int]]:
    for start in range(0, total, size):
        stop = min(start + size, total)
        yield {name: array[start:stop] for name, array in feeds.items()}, stop - start


def _run_padded(session: Session, feeds: dict[str, Array], length: int, smallest: int) -> BatchRun:
    size = max(length, smallest)
    if size > length:
        feeds = {name: _pad(array, size - length) for name, array in feeds.items()}
    return BatchRun(session.run(feeds), length, size)


def _cut(run: BatchRun) -> dict[str, Array]:
    for name, array in run.outputs.items():
        if array.ndim == 0 or len(array) != run.size:
            raise ModelRuntimeError(
                f"Output {name!r} has shape {tuple(array.shape)} for a batch of {run.size}: it has no batch axis, "
                f"so several runs cannot be joined and padding cannot be cut off. Give as many items as one run takes."
            )
    if run.length == run.size:
        return run.outputs
    return {name: array[: run.length] for name, array in run.outputs.items()}


def _pad(array: Array, missing: int) -> Array:
    shape = (missing, *array.shape[1:])
    if _is_torch(array):
        return _concatenate([array, array.new_zeros(shape)])
    import numpy as np

    return np.concatenate([array, np.zeros(shape, array.dtype)])


def _concatenate(arrays: list[Array]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    if _is_torch(arrays[0]):
        # A tensor exists, so its library is imported already: the core itself never imports torch.
        return sys.modules["torch"].cat(arrays)
    import numpy as np

    return np.concatenate(arrays)


def _is_torch(array: Array) -> bool:
    return isinstance(array, getattr(sys.modules.get("torch"), "Tensor", ()))
