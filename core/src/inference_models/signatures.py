"""Which keyword arguments a function accepts. Lets the core offer many and pass only what is wanted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_NAMED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def accepted_keywords(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names that `function` takes as keywords; None when it takes any (`**kwargs`)."""
    try:
        return _remembered(function)
    except TypeError:  # an object that can be called and not hashed, such as a dataclass
        return _find_keywords(function)


def _find_keywords(function: Callable[..., Any]) -> frozenset[str] | None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature: let the call itself decide
        return None
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters if parameter.kind in _NAMED)


_remembered = lru_cache(maxsize=1024)(_find_keywords)


def first_parameter(function: Callable[..., Any]) -> str | None:
    """Return the name of what `function` takes first by position; None when it names none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    first = next(iter(parameters), None)
    return first.name if first is not None and first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD else None


def keep_accepted(function: Callable[..., Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `keywords` that `function` accepts.

    A None that only `**kwargs` would catch is left out, so that `kwargs.get(name, default)` finds the default.
    """
    accepted = accepted_keywords(function)
    if accepted is not None:
        return {name: value for name, value in keywords.items() if name in accepted}
    return {name: value for name, value in keywords.items() if value is not None or _is_named(function, name)}


def _is_named(function: Callable[..., Any], name: str) -> bool:
    try:
        parameter = inspect.signature(function).parameters.get(name)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind in _NAMED
