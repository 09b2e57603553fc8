"""Lists of class names that calls are limited to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from inference_models import InvalidParameterError
from inference_models.developer_tools import describe_choices


def check_categories(
    class_names: Sequence[str], allowed: Collection[str] | None, denied: Collection[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return both lists, sorted and without repetitions; () for one that was not given.

    Raises:
        InvalidParameterError: both are given, or one is empty, no list of names or names what is no class.
    """
    if allowed is not None and denied is not None:
        raise InvalidParameterError("category_allowlist and category_denylist exclude each other. Give one of them.")
    return _check("category_allowlist", class_names, allowed), _check("category_denylist", class_names, denied)


def _check(argument: str, class_names: Sequence[str], names: Collection[str] | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Collection) or not names:
        raise InvalidParameterError(f"{argument} must be a list of class names with at least one, got {names!r}.")
    for name in names:
        if name not in class_names:
            raise InvalidParameterError(
                f"{argument} names {name!r}, which is no class of this model. "
                f"{describe_choices(str(name), class_names)}"
            )
    return tuple(sorted(set(names)))
