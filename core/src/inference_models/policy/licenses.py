"""Whether a licence expression is covered by licences that are allowed. Expressions are those of SPDX."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["is_covered", "parse_license", "read_expression"]

# Longer than any that somebody means, and short enough that no parser runs out of stack.
_LONGEST = 500
_JOINED = re.compile(r"\b(AND|OR)\b")


def read_expression(text: str) -> str | None:
    """Return an SPDX expression in its canonical form, None when it is none."""
    from packaging.licenses import canonicalize_license_expression  # brings the whole list of licences along

    if len(text) > _LONGEST:
        return None
    try:
        return str(canonicalize_license_expression(text))
    except ValueError:
        return None


def parse_license(text: str) -> str:
    """Return one licence in its canonical form, with its exception if it has one.

    Raises:
        ValueError: it is none, or an expression of several.
    """
    found = read_expression(text)
    if found is None or _JOINED.search(found) or "(" in found:
        raise ValueError(
            "single licences as SPDX names them, such as 'Apache-2.0' or 'GPL-2.0-only WITH Classpath-exception-2.0'; "
            "'LicenseRef-...' for others"
        )
    return found


def is_covered(expression: str, allowed: frozenset[str]) -> bool:
    """Return whether a canonical expression leaves a choice that `allowed` covers.

    Of alternatives (OR) one must be covered, of what holds together (AND) all. A licence is covered by its own name
    only: with an exception, or in the form "or any later version", it is another one.
    """
    tokens = iter(expression.replace("(", " ( ").replace(")", " ) ").split())
    return _alternatives(tokens, allowed)


def _alternatives(tokens: Iterator[str], allowed: frozenset[str]) -> bool:
    """Read up to the closing parenthesis or the end. AND binds more tightly than OR."""
    covered, together, name = False, True, ""
    inner: bool | None = None
    for token in tokens:
        if token == "(":
            inner = _alternatives(tokens, allowed)
        elif token == ")":
            break
        elif token in {"AND", "OR"}:
            together = together and (name in allowed if inner is None else inner)
            name, inner = "", None
            if token == "OR":
                covered, together = covered or together, True
        else:  # a name, WITH, or the name of an exception
            name = f"{name} {token}".strip()
    return covered or (together and (name in allowed if inner is None else inner))
