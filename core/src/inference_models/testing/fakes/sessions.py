"""A session without a runtime: a Python function, or outputs that are always the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inference_models.entities import ArrayKind
from inference_models.errors import ModelRuntimeError, SessionClosedError
from inference_models.predictions.arrays import describe, is_array, is_torch
from inference_models.sessions import Array, TensorInfo


class FakeSession:
    """A `Session` whose network is a Python function. Safe to run from several threads, if the function is.

    Model families are tested over it without a backend: `from_pretrained(directory, open_session=session.opener)`.

    Attributes:
        runs: the feeds of every run so far, in the order in which they began.
    """

    def __init__(
        self,
        network: Callable[[Mapping[str, Array]], Mapping[str, Array]] | Mapping[str, Array],
        inputs: Sequence[TensorInfo],
        outputs: Sequence[TensorInfo] = (),
        *,
        device: str = "cpu",
        array_kind: ArrayKind = "numpy",
        batch_range: tuple[int, int | None] | None = None,
        runtime: Mapping[str, object] | None = None,
    ) -> None:
        """Make a session.

        Args:
            network: returns an array for each output, given one for each input; or the outputs themselves for one item,
                without the batch axis, which every item then gets.
            inputs: names, shapes and dtypes that feeds are held to.
            outputs: as the session describes them; default: nothing is described.
            device: that it claims to run on.
            array_kind: which library's arrays it takes.
            batch_range: smallest and largest batch; None: as the first input's first axis says.
            runtime: facts for reports.
        """
        self._network = network
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.device = device
        self.array_kind: ArrayKind = array_kind
        self.runtime: Mapping[str, object] = dict(runtime or {"fake": True})
        if batch_range is not None:
            self.batch_range = batch_range
        self.runs: list[Mapping[str, Array]] = []
        self.closed = False

    def opener(self, directory: object) -> FakeSession:
        """Return this session; a `SessionOpener` for `from_pretrained(..., open_session=...)`."""
        return self

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the function once.

        Args:
            feeds: an array for each input name, of the input's dtype and shape.

        Returns:
            An array for each output, a copy of what the function returned.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the feeds are not what `inputs` says.
        """
        if self.closed:
            raise SessionClosedError("This session was closed and cannot run any more. Open the package again.")
        self._check(feeds)
        self.runs.append(dict(feeds))
        if isinstance(self._network, Mapping):
            return {name: self._repeated(array, feeds) for name, array in self._network.items()}
        return {name: _copy(array) for name, array in self._network(feeds).items()}

    def close(self) -> None:
        """Refuse further runs."""
        self.closed = True

    def _check(self, feeds: Mapping[str, Array]) -> None:
        known = {info.name: info for info in self.inputs}
        if set(feeds) != set(known):
            raise ModelRuntimeError(f"The network's inputs are {sorted(known)}, and {sorted(feeds)} were given.")
        for name, array in feeds.items():
            if not is_array(array) or ("torch" if is_torch(array) else "numpy") != self.array_kind:
                raise ModelRuntimeError(f"Input {name!r} takes {self.array_kind} arrays, not {describe(array)}.")
            info, dtype = known[name], str(array.dtype).removeprefix("torch.")
            fits = len(array.shape) == len(info.shape) and all(
                size is None or size == given for size, given in zip(info.shape, array.shape, strict=True)
            )
            if dtype != info.dtype or not (fits or not info.shape):
                raise ModelRuntimeError(f"Input {name!r} takes {info.dtype} {info.shape}, not {describe(array)}.")

    def _repeated(self, array: Array, feeds: Mapping[str, Array]) -> Array:
        """Return the array once for each item of the batch."""
        count = len(next(iter(feeds.values())))
        if is_torch(array):
            return sys.modules["torch"].stack([array] * count)
        import numpy as np

        return np.stack([array] * count)


def _copy(array: Any) -> Any:
    return array.clone() if is_torch(array) else array.copy()
