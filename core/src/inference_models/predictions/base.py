"""What all predictions can do: change their arrays' library, become plain data, and give out rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Self

from attrs import evolve, fields, frozen

from inference_models.entities import ArrayKind
from inference_models.errors import InvalidParameterError
from inference_models.predictions.arrays import (
    Array,
    Rows,
    check_same_kind,
    check_shape,
    is_array,
    is_torch,
    resolve_rows,
    take,
    to_torch,
)
from inference_models.predictions.download import download

ROWS = {"rows": True}
"""Marks a field with one entry per row, so that choosing rows chooses in it too."""


@frozen(eq=False, repr=False)
class Prediction(ABC):
    """What a model says about an image. Its arrays are all numpy, or all torch and on one device."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values that JSON knows."""

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text."""
        import json

        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @property
    def array_kind(self) -> ArrayKind:
        """Which library's arrays this holds: "numpy" or "torch"."""
        for one in fields(type(self)):
            value = getattr(self, one.name)
            if is_array(value):  # the others are of the same library
                return "torch" if is_torch(value) else "numpy"
        return "numpy"

    def to_numpy(self) -> Self:
        """Return the same prediction with numpy arrays; itself when it has them already."""
        if self.array_kind == "numpy":
            return self
        arrays = self._arrays()
        return evolve(self, **dict(zip(arrays, download(list(arrays.values())), strict=True)))

    def to_torch(self, device: Any = None) -> Self:
        """Return the same prediction with torch tensors; numpy arrays are copied.

        Args:
            device: where the tensors go, as torch names it. None: numpy arrays go to torch's default device,
                tensors stay where they are.

        Raises:
            MissingDependencyError: torch is not installed.
        """
        return self._map_arrays(lambda array: to_torch(array, device))

    def _arrays(self) -> dict[str, Array]:
        values = {field.name: getattr(self, field.name) for field in fields(type(self))}
        return {name: value for name, value in values.items() if is_array(value)}

    def _map_arrays(self, change: Callable[[Array], Array]) -> Self:
        return evolve(self, **{name: change(array) for name, array in self._arrays().items()})

    def _settle(
        self, name: str, convert: Callable[[Array, str], Array], shape: tuple[int | None, ...], like: str | None = None
    ) -> None:
        """Convert and check one field in construction. `like` names the field whose library it must share."""
        given = getattr(self, name)
        value = convert(given, name)
        check_shape(value, name, shape)
        if like is not None:
            check_same_kind(value, name, getattr(self, like), like)
        if value is not given:
            object.__setattr__(self, name, value)  # frozen for users, not for construction


@frozen(eq=False, repr=False)
class RowsPrediction(Prediction):
    """A prediction of several rows: boxes, instances or images."""

    def __getitem__(self, rows: Rows) -> Self:
        """Return the chosen rows as a prediction of the same type; a single int gives one of length 1.

        Args:
            rows: an int, a slice, an integer array or a boolean mask (numpy, torch or list).

        Raises:
            IndexError: a row does not exist.
            InvalidParameterError: `rows` is of another type, or a mask of another length.
        """
        row_fields = [field.name for field in fields(type(self)) if "rows" in field.metadata]
        chosen = resolve_rows(rows, len(self), getattr(self, row_fields[0]))
        return evolve(self, **{name: take(getattr(self, name), chosen) for name in row_fields})

    @abstractmethod
    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows, each a prediction of length 1."""
        return (self[row] for row in range(len(self)))

    def _check_metadata(self, name: str) -> None:
        values = getattr(self, name)
        if values is not None and len(values) != len(self):
            raise InvalidParameterError(
                f"`{name}` must have one entry for each of the {len(self)} rows, got {len(values)}."
            )


def first_length(value: Array, name: str) -> int:
    """Return the length of the first axis. Raises: InvalidParameterError when `value` has none."""
    shape = getattr(value, "shape", None)
    if not shape:
        raise InvalidParameterError(f"`{name}` must be a numpy array or torch tensor with at least one axis.")
    return int(shape[0])
