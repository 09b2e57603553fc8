"""Every key of a policy file: its name, how its value is read, what it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, fields, frozen

from inference_models.distributions import canonical_name
from inference_models.policy.licenses import parse_license
from inference_models.policy.origins import OriginPattern

__all__ = ["RULES", "Rule", "Rules", "parse_rules"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@frozen
class Rule:
    """One key of a policy file.

    Attributes:
        key: section and name, as in "providers.allow".
        parse: turns what TOML holds into a value; raises ValueError with what would have been accepted.
        description: one plain sentence for the reference page.
    """

    key: str
    parse: Callable[[Any], Any]
    description: str


def _rule(key: str, parse: Callable[[Any], Any], description: str) -> Any:
    return field(default=None, metadata={"rule": Rule(key, parse, description)})


def _texts(value: object, expected: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f"a list of {expected}")
    return [item.strip() for item in value]


def _names(value: object) -> frozenset[str]:
    texts = _texts(value, "names")
    if not all(map(_NAME.fullmatch, texts)):  # "im-core>=1" and "acme://" would never match, and forbid everything
        raise ValueError("a list of plain names, without versions, '://' and spaces")
    return frozenset(map(canonical_name, texts))


def _origins(value: object) -> tuple[OriginPattern, ...]:
    return tuple(dict.fromkeys(OriginPattern.parse(text) for text in _texts(value, "origins")))


def _licenses(value: object) -> frozenset[str]:
    return frozenset(map(parse_license, _texts(value, "licences")))


def _suffixes(value: object) -> frozenset[str]:
    expected = "endings of file names with their dot, such as '.xml'"
    texts = _texts(value, expected)
    if not all(text[0] == "." and len(text) > 1 and "/" not in text and "*" not in text for text in texts):
        raise ValueError(f"a list of {expected}")
    return frozenset(map(str.lower, texts))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _hashes(value: object) -> str:
    if not isinstance(value, str) or value not in {"any", "sha256"}:
        raise ValueError("'any' or 'sha256'")
    return value


@frozen(kw_only=True)
class Rules:
    """What a policy file says, by its keys. None everywhere: the file does not state that key, and nothing follows."""

    plugins: frozenset[str] | None = _rule(
        "plugins.allow", _names, "The distributions whose plugins are loaded; no other plugin is imported."
    )
    providers: frozenset[str] | None = _rule(
        "providers.allow", _names, "The weights providers that are asked; no other one is imported or asked."
    )
    origins: tuple[OriginPattern, ...] | None = _rule(
        "origins.allow", _origins, "The origins (scheme, host, port) that requests go to, also after redirects."
    )
    weights_licenses: frozenset[str] | None = _rule(
        "licenses.weights", _licenses, "The licences of weights that are loaded, as SPDX names them."
    )
    code_licenses: frozenset[str] | None = _rule(
        "licenses.code", _licenses, "The licences of plugins that are loaded, as SPDX names them."
    )
    untrusted: bool | None = _rule(
        "packages.untrusted", _flag, "false: packages that their provider does not vouch for are never loaded."
    )
    programs: bool | None = _rule(
        "packages.programs", _flag, "false: packages that are or may be programs are never loaded, trusted or not."
    )
    data_suffixes: frozenset[str] | None = _rule(
        "packages.data_suffixes", _suffixes, "Endings of file names that mark data, besides those known here."
    )
    local_code: bool | None = _rule(
        "packages.local_code", _flag, "false: packages with Python code of their own are never loaded."
    )
    local_paths: bool | None = _rule(
        "packages.local_paths", _flag, "false: models are loaded by their id only, never by a path."
    )
    hashes: str | None = _rule(
        "packages.hashes", _hashes, "What must prove each file that is fetched: any (MD5 or SHA-256), or sha256."
    )

    def stated(self) -> dict[str, Any]:
        """Return the keys that the file states, with their values as people write them."""
        values = {one.metadata["rule"].key: getattr(self, one.name) for one in fields(Rules)}
        return {key: _plain(value) for key, value in values.items() if value is not None}


RULES: tuple[Rule, ...] = tuple(one.metadata["rule"] for one in fields(Rules))
"""All keys, in the order in which the reference page shows them."""


def parse_rules(values: Mapping[str, Any]) -> Rules:
    """Return rules for values by key. Raises: ValueError, which names the key."""
    parsed = {}
    for one in fields(Rules):
        rule: Rule = one.metadata["rule"]
        if rule.key in values:
            try:
                parsed[one.name] = rule.parse(values[rule.key])
            except ValueError as error:
                raise ValueError(f"{rule.key} takes {error}, not {values[rule.key]!r}") from None
    return Rules(**parsed)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return [str(item) for item in value] if isinstance(value, tuple) else value
