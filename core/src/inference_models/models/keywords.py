"""Which keyword arguments go to which method, found out from the methods' signatures once per class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from inference_models.errors import InvalidParameterError, describe_choices

_CACHE = "_keywords_by_methods"


@frozen
class Accepted:
    """The keywords that one method accepts.

    Attributes:
        names: those that its signature names, apart from the parameters that the caller fills itself.
        filled: the parameters that the caller fills itself.
        any_other: whether it has `**kwargs`.
    """

    names: frozenset[str]
    filled: frozenset[str]
    any_other: bool

    def takes(self, name: str) -> bool:
        """Return whether the method may be given `name`."""
        return name in self.names or (self.any_other and name not in self.filled)


def keywords_of(owner: object, methods: Mapping[str, int], kwargs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the part of `kwargs` that each method is to be given.

    Args:
        owner: whose methods they are.
        methods: names of methods, and how many leading parameters the caller fills by position.
        kwargs: what the user gave.

    Raises:
        InvalidParameterError: no method accepts one of `kwargs`.
    """
    if not kwargs:
        return [kwargs] * len(methods)
    accepted = _accepted_by_class(type(owner), methods)
    parts = [{name: value for name, value in kwargs.items() if method.takes(name)} for method in accepted]
    if len(set().union(*parts)) < len(kwargs):
        unknown = [name for name in kwargs if not any(name in part for part in parts)]
        raise InvalidParameterError(_explain(owner, accepted, unknown))
    return list(parts)


def _accepted_by_class(cls: type, methods: Mapping[str, int]) -> tuple[Accepted, ...]:
    # In the class itself, not in its bases: a subclass overrides methods. A global cache would keep classes alive.
    cache: dict[tuple[str, ...], tuple[Accepted, ...]] | None = cls.__dict__.get(_CACHE)
    if cache is None:
        cache = {}
        setattr(cls, _CACHE, cache)
    key = tuple(methods)
    if key not in cache:
        cache[key] = tuple(_inspect(cls, name, count) for name, count in methods.items())
    return cache[key]


def _inspect(cls: type, method: str, filled: int) -> Accepted:
    parameters = list(inspect.signature(getattr(cls, method)).parameters.values())
    if not isinstance(inspect.getattr_static(cls, method), (staticmethod, classmethod)):
        parameters = parameters[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first = [parameter.name for parameter in parameters if parameter.kind in positional][:filled]
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return Accepted(
        names=frozenset(parameter.name for parameter in parameters if parameter.kind in by_keyword) - set(first),
        filled=frozenset(first),
        any_other=any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters),
    )


def _explain(owner: object, accepted: tuple[Accepted, ...], unknown: list[str]) -> str:
    known = sorted(frozenset().union(*(method.names for method in accepted)))
    model = type(owner).__name__
    if not known:
        return f"{model} takes no keyword arguments, got {', '.join(map(repr, unknown))}."
    return " ".join(
        f"{model} does not know the keyword argument {name!r}. {describe_choices(name, known)}" for name in unknown
    )
