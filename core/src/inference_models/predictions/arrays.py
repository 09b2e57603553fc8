"""What predictions do with arrays of either library, numpy or torch, without importing torch.

A tensor can only exist once torch is imported, so torch is found in `sys.modules`. numpy is imported when an
array is first looked at, not when this module is.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from itertools import compress
from typing import Any, TypeAlias

from inference_models.errors import InvalidParameterError
from inference_models.predictions.optional import import_optional

Array: TypeAlias = Any
"""A numpy array or a torch tensor. `Any`, because the core never imports torch, not even for types."""

Rows: TypeAlias = Any
"""What selects rows of a prediction: int, slice, integer array, boolean mask, or a list of either."""


def is_torch(value: object) -> bool:
    """Return whether `value` is a torch tensor."""
    tensor_class = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor_class is not None and isinstance(value, tensor_class)


def is_numpy(value: object) -> bool:
    """Return whether `value` is a numpy array."""
    array_class = getattr(sys.modules.get("numpy"), "ndarray", None)
    return array_class is not None and isinstance(value, array_class)


def is_array(value: object) -> bool:
    """Return whether `value` is a numpy array or a torch tensor."""
    return is_numpy(value) or is_torch(value)


def as_floats(value: Array, name: str) -> Array:
    """Return `value` as float32, the same object when it is already. Accepts any real number type."""
    if is_torch(value):
        torch = sys.modules["torch"]
        if value.dtype is torch.float32:
            return value
        if not value.is_complex() and value.dtype is not torch.bool:
            return value.to(torch.float32)
    elif is_numpy(value):
        if value.dtype.char == "f" and value.dtype.isnative:
            return value
        if value.dtype.kind in "fiu":
            return value.astype("float32")
    raise _wrong_type(value, name, "real numbers")


def as_integers(value: Array, name: str, dtype: str | None = None) -> Array:
    """Return `value`, which must hold integers, as `dtype`; None keeps its own."""
    if is_torch(value):
        torch = sys.modules["torch"]
        if not value.is_floating_point() and not value.is_complex() and value.dtype is not torch.bool:
            return value if dtype is None else value.to(getattr(torch, dtype))
    elif is_numpy(value) and value.dtype.kind in "iu":
        return value if dtype is None else value.astype(dtype, copy=False)
    raise _wrong_type(value, name, "integers")


def as_int32(value: Array, name: str) -> Array:
    """Return `value`, which must hold integers, as int32."""
    return as_integers(value, name, "int32")


def as_int64(value: Array, name: str) -> Array:
    """Return `value`, which must hold integers, as int64."""
    return as_integers(value, name, "int64")


def as_booleans(value: Array, name: str) -> Array:
    """Return `value`, which must be boolean."""
    if is_torch(value):
        if value.dtype is sys.modules["torch"].bool:
            return value
    elif is_numpy(value) and value.dtype.kind == "b":
        return value
    raise _wrong_type(value, name, "booleans (compare scores with a threshold to get them)")


def check_same_kind(value: Array, name: str, like: Array, like_name: str) -> None:
    """Raise InvalidParameterError unless both are of one library and on one device."""
    if is_torch(value) != is_torch(like):
        raise InvalidParameterError(
            f"`{name}` is {describe(value)} but `{like_name}` is {describe(like)}. A prediction holds arrays of one "
            f"library: convert one of the two."
        )
    if is_torch(value) and value.device != like.device:
        raise InvalidParameterError(
            f"`{name}` is on {value.device} but `{like_name}` is on {like.device}. Move both to one device."
        )


def check_shape(value: Array, name: str, shape: tuple[int | None, ...]) -> None:
    """Raise InvalidParameterError unless `value` has `shape`; None stands for any length."""
    actual = value.shape
    if actual == shape:
        return
    if len(actual) == len(shape) and all(b is None or a == b for a, b in zip(actual, shape, strict=True)):
        return
    expected = ", ".join("any" if length is None else str(length) for length in shape)
    raise InvalidParameterError(f"`{name}` must have shape ({expected}), got {tuple(actual)}.")


def describe(value: object) -> str:
    """Return type, dtype and shape of `value` in a few words, for error messages."""
    if is_torch(value) or is_numpy(value):
        array: Array = value
        library = "torch" if is_torch(value) else "numpy"
        return f"a {library} array of {str(array.dtype).removeprefix('torch.')} {tuple(array.shape)}"
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _wrong_type(value: object, name: str, expected: str) -> InvalidParameterError:
    return InvalidParameterError(
        f"`{name}` must be a numpy array or torch tensor of {expected}, got {describe(value)}."
    )


def to_numpy(value: Array) -> Array:
    """Return `value` as a numpy array on the host; a numpy array comes back as it is."""
    return value.detach().cpu().numpy() if is_torch(value) else value


def to_torch(value: Array, device: Any = None) -> Array:
    """Return `value` as a tensor; a numpy array is copied, a tensor moves only when `device` says so."""
    if is_torch(value):
        return value if device is None else value.to(device)
    import numpy as np

    torch = import_optional("torch", purpose="to_torch()", install="pip install torch")
    # Copied, because a tensor over a read-only or shared array is a trap; torch refuses negative strides.
    return torch.tensor(np.ascontiguousarray(value), device=device)


def to_list(value: Array) -> list[Any]:
    """Return `value` as nested lists of plain Python numbers."""
    return list(to_numpy(value).tolist())


def resolve_rows(rows: Rows, length: int, like: Array) -> Rows:
    """Turn what a user put between brackets into a slice or an array that indexes arrays like `like`.

    Args:
        rows: int, slice with any step, integer or boolean array of either library, list or range.
        length: how many rows there are.
        like: one of the arrays that will be indexed.

    Raises:
        IndexError: a row does not exist.
        InvalidParameterError: `rows` is of another type, or a mask of another length.
    """
    if isinstance(rows, slice):
        if rows.step is None or rows.step > 0:
            return rows
        rows = range(*rows.indices(length))  # torch has no negative steps
    if isinstance(rows, (list, range)):
        rows = _listed_rows(rows)
    if not is_array(rows) or rows.ndim == 0:
        return _single_row(rows, length)
    _check_row_array(rows, length)
    if is_torch(like):
        torch = sys.modules["torch"]
        tensor = torch.as_tensor(rows, device=like.device)
        return tensor if tensor.dtype is torch.bool else tensor.long()  # uint8 would be taken for a mask
    return to_numpy(rows)


def take(value: Any, rows: Rows) -> Any:
    """Return the rows of an array, a sequence or None that `resolve_rows` selected."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or isinstance(rows, slice):
        return value[rows]
    chosen = to_list(rows)
    if chosen and isinstance(chosen[0], bool):
        return type(value)(compress(value, chosen))
    return type(value)(value[row] for row in chosen)


def _listed_rows(rows: Sequence[Any]) -> Array:
    import numpy as np

    try:
        return np.asarray(rows) if len(rows) else np.zeros(0, np.int64)
    except ValueError:
        raise InvalidParameterError("A list of rows must hold integers or booleans only.") from None


def _single_row(row: Any, length: int) -> slice:
    try:
        if isinstance(row, bool):
            raise TypeError
        number = operator.index(row)
    except TypeError:
        raise InvalidParameterError(
            f"Rows are chosen with an int, a slice, an integer array or a boolean mask, not with {describe(row)}."
        ) from None
    if not -length <= number < length:
        raise IndexError(f"row {number} does not exist: there are {length}")
    start = number % length
    return slice(start, start + 1)


def _check_row_array(rows: Array, length: int) -> None:
    host = is_numpy(rows)
    is_mask = (rows.dtype.kind == "b") if host else rows.dtype is sys.modules["torch"].bool
    if rows.ndim != 1 or (is_mask and len(rows) != length):
        raise InvalidParameterError(
            f"{'A mask' if is_mask else 'An index array'} for {length} rows must be one-dimensional"
            f"{f' and of length {length}' if is_mask else ''}, got shape {tuple(rows.shape)}."
        )
    if is_mask:
        return
    as_integers(rows, "the index array")
    # Only on the host: a look at a GPU tensor would wait for the GPU.
    if host and len(rows) and not (-length <= int(rows.min()) and int(rows.max()) < length):
        raise IndexError(f"rows {rows.tolist()} do not all exist: there are {length}")
