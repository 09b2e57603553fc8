"""Class ids as names, and names as a short summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference_models.errors import InvalidParameterError

_KINDS_SHOWN = 5


def to_class_names(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return `names` as a tuple; None stays None."""
    if isinstance(names, str):
        raise InvalidParameterError(f"`class_names` must be a sequence of names, got the string {names!r}.")
    return None if names is None else tuple(names)


def find_class_name(
    class_id: int, class_names: Sequence[str] | None, metadata: Mapping[str, Any] | None = None
) -> str | None:
    """Return the name of a class, or None when it is not known.

    A name in the row's own metadata wins: models with free vocabulary put it there.
    """
    if metadata is not None and "class_name" in metadata:
        return str(metadata["class_name"])
    if class_names is not None and 0 <= class_id < len(class_names):
        return class_names[class_id]
    return None


def find_class_names(
    class_ids: Sequence[int], class_names: Sequence[str] | None, metadata: Sequence[Mapping[str, Any]] | None = None
) -> list[str | None]:
    """Return the name of each class id, None where it is not known."""
    rows: Iterable[Mapping[str, Any] | None] = metadata if metadata is not None else [None] * len(class_ids)
    return [find_class_name(class_id, class_names, row) for class_id, row in zip(class_ids, rows, strict=True)]


def summarize(names: Iterable[str]) -> str:
    """Return "2 circle, 1 star", the most frequent first; at most five kinds are spelled out."""
    counts = Counter(names).most_common()
    parts = [f"{count} {name}" for name, count in counts[:_KINDS_SHOWN]]
    if len(counts) > _KINDS_SHOWN:
        parts.append(f"{sum(count for _, count in counts[_KINDS_SHOWN:])} of other classes")
    return ", ".join(parts)
