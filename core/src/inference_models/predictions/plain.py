"""Any value as what JSON knows: None, bool, int, float, str, lists and dicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inference_models.predictions.arrays import is_array, to_numpy


def to_plain(value: Any) -> Any:
    """Return `value` in plain Python types.

    Arrays and their scalars become numbers and nested lists, tuples and sets (sorted as text) become lists, keys
    become text. NaN and infinity, which JSON lacks, become None. Objects of other types become `str(value)`.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if is_array(value):
        return to_plain(to_numpy(value).tolist())
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return to_plain(value.item())  # a numpy scalar
    return str(value)
