"""Which distribution serves a key that several declare, as `INFERENCE_MODELS_PREFER` says."""

from __future__ import annotations

from collections.abc import Sequence

from inference_models.configuration import PREFER
from inference_models.distributions import canonical_name
from inference_models.errors import nearest_name

__all__ = ["canonical_key", "preferred", "why_unsettled"]


def canonical_key(key: str) -> str:
    """Return `key` as keys are compared: each of its names in lower case, with `-` for `_` and `.`."""
    return "/".join(map(canonical_name, key.split("/")))


def preferred(key: str, owners: Sequence[str]) -> int | None:
    """Return which of several owners of a key the setting names; None when it names none, or more than one.

    Args:
        key: "kind:name", canonical.
        owners: the distributions that declare it; one of them twice if it does so twice.

    Raises:
        InvalidEnvVariable: the setting cannot be read.
    """
    chosen = _chosen(key, owners)
    return chosen[0] if len(chosen) == 1 else None


def why_unsettled(key: str, owners: Sequence[str]) -> str:
    """Return why what the setting says of `key` does not settle who serves it; empty when it says nothing of it.

    Args:
        key: "kind:name", canonical.
        owners: the distributions that declare it.

    Raises:
        InvalidEnvVariable: the setting cannot be read.
    """
    named = _named(key)
    if not named:
        return ""
    said = f"{PREFER.name} names {' and '.join(map(repr, named))} for it, "
    chosen = {canonical_name(owners[place]) for place in _chosen(key, owners)}
    if len(chosen) > 1:
        return f"{said}and may name one. "
    if chosen:
        return f"{said}which declares it more than once. "
    guess = nearest_name(named[0], owners)
    return f"{said}which declares no such thing{f': did you mean {guess!r}?' if guess else '.'} "


def _named(key: str) -> list[str]:
    return [owner for name, owner in PREFER.get() if canonical_key(name) == key]


def _chosen(key: str, owners: Sequence[str]) -> list[int]:
    wanted = set(map(canonical_name, _named(key)))
    return [place for place, owner in enumerate(owners) if canonical_name(owner) in wanted]
