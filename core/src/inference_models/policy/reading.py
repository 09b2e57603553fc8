"""From a policy file to rules. What cannot be read, or is not understood, is an error, never as if it were absent."""

from __future__ import annotations

import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

from inference_models.configuration import POLICY
from inference_models.errors import InvalidPolicyError, describe_choices
from inference_models.policy.policy import Policy
from inference_models.policy.rules import RULES, Rules, parse_rules

__all__ = ["current_policy", "read_policy"]

_LARGEST = 1 << 20
_NONE = Policy()


def current_policy() -> Policy:
    """Return the policy in force now: that of the file that `INFERENCE_MODELS_POLICY` names, else one without rules.

    The file is read each time, so a change of it holds from then on.

    Raises:
        InvalidPolicyError: it cannot be used.
        InvalidEnvVariable: the variable is set and empty.
    """
    path = POLICY.get()
    return _NONE if path is None else read_policy(path)


def read_policy(path: Path) -> Policy:
    """Return the policy in a file. Raises: InvalidPolicyError, which says what is wrong and where."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path, "it is not a file")
        if status.st_size > _LARGEST:
            raise _unusable(path, f"it has {status.st_size} bytes, and {_LARGEST} are the most")
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror or error})") from None
    return _parse(path, content)


@lru_cache(maxsize=8)
def _parse(path: Path, content: bytes) -> Policy:
    import hashlib  # only a policy needs them
    import tomllib

    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is not TOML ({error})") from None
    return Policy(path, _rules(path, document), hashlib.sha256(content).hexdigest())


def _rules(path: Path, document: dict[str, Any]) -> Rules:
    keys = [rule.key for rule in RULES]
    sections = list(dict.fromkeys(key.partition(".")[0] for key in keys))
    values = {}
    for section, content in document.items():
        if section not in sections:
            raise _unusable(path, f"it has {section!r}, which means nothing. {describe_choices(section, sections)}")
        if not isinstance(content, dict):
            raise _unusable(path, f"{section!r} must be a table, written [{section}]")
        for name, value in content.items():
            key = f"{section}.{name}"
            if key not in keys:
                raise _unusable(path, f"it has {key!r}, which means nothing. {describe_choices(key, keys)}")
            values[key] = value
    if not values:
        raise _unusable(path, "it states no rule, as a file that was cut off would")
    try:
        return parse_rules(values)
    except ValueError as error:
        raise _unusable(path, str(error)) from None


def _unusable(path: Path, problem: str) -> InvalidPolicyError:
    return InvalidPolicyError(
        f"The policy {path} ({POLICY.name}) cannot be used: {problem.removesuffix('.')}. Nothing is loaded without "
        f"it: correct the file, or ask whoever keeps it."
    )
