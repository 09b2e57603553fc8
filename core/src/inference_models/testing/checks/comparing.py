"""Whether two answers of a model are the same, whatever they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from inference_models.predictions.arrays import is_array, is_torch, to_numpy


def parts_of(value: Any) -> Mapping[str, Any] | None:
    """Return what a value consists of, by name; None when it has no parts."""
    if isinstance(value, Mapping):
        return {f"[{key!r}]": item for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return {f"[{place}]": item for place, item in enumerate(value)}
    if attrs.has(type(value)):
        return {f".{one.name}": getattr(value, one.name) for one in attrs.fields(type(value))}
    if hasattr(value, "__dict__") and not is_array(value) and not isinstance(value, type):
        return {f".{name}": item for name, item in vars(value).items()}
    return None


def arrays_in(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a value, however deep, with what they are called."""
    if is_array(value):
        yield name, value
        return
    for part, item in (parts_of(value) or {}).items():
        yield from arrays_in(item, f"{name}{part}")


def kind_of(array: Any) -> str:
    """Return "torch" or "numpy"."""
    return "torch" if is_torch(array) else "numpy"


def difference(one: Any, other: Any, tolerance: float, name: str = "") -> str | None:
    """Return the first way in which two answers differ, in words; None when they are the same.

    Numbers may differ by `tolerance` times the larger one or 1. Of masks and maps, which are integers or booleans with
    at least two axes, a share of `tolerance` may differ. Arrays of numpy and torch are compared by their values.
    """
    if is_array(one) and is_array(other):
        return _difference_of_arrays(to_numpy(one), to_numpy(other), tolerance, name)
    if type(one) is not type(other):
        return f"{_called(name)} is {_short(one)} and {_short(other)}"
    parts, others = parts_of(one), parts_of(other)
    if parts is None or others is None:
        return _difference_of_values(one, other, tolerance, name)
    if list(parts) != list(others):
        return f"{_called(name)} has {len(parts)} and {len(others)} parts"
    found = (difference(parts[part], others[part], tolerance, f"{name}{part}") for part in parts)
    return next((text for text in found if text is not None), None)


def _difference_of_arrays(one: Any, other: Any, tolerance: float, name: str) -> str | None:
    if one.shape != other.shape:
        return f"{_called(name)} has the shapes {one.shape} and {other.shape}"
    if one.dtype != other.dtype:
        return f"{_called(name)} has the dtypes {one.dtype} and {other.dtype}"
    if one.dtype.kind == "f" and one.dtype.kind == other.dtype.kind:
        with np.errstate(invalid="ignore"):  # infinity less infinity
            apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
        allowed = tolerance * np.maximum(1, np.maximum(np.abs(one), np.abs(other)))
        same = (np.isfinite(apart) & (apart <= allowed)) | (one == other) | (np.isnan(one) & np.isnan(other))
        if same.all():
            return None
        place = tuple(int(index) for index in np.argwhere(~same)[0])
        return f"{_called(name)} differs: {one[place]!s} and {other[place]!s} at {list(place)}"
    share = float((one != other).mean()) if one.size else 0.0
    allowed_share = tolerance if one.ndim > 1 else 0.0
    return f"{_called(name)} differs in {share:.2%} of its values" if share > allowed_share else None


def _difference_of_values(one: Any, other: Any, tolerance: float, name: str) -> str | None:
    if isinstance(one, float) and abs(one - other) <= tolerance * max(1.0, abs(one), abs(other)):
        return None
    return None if one == other else f"{_called(name)} is {_short(one)} and {_short(other)}"


def _called(name: str) -> str:
    return f"`{name.lstrip('.')}`" if name else "the answer"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
