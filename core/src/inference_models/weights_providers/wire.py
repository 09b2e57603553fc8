"""From JSON to attrs classes, strictly: what is wrong is named with its key, what was expected and what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NewType, TypeVar, get_args, get_origin

import attrs

from inference_models.errors import BaseInferenceModelsError, redact_url
from inference_models.metadata import RecommendedParameters

__all__ = ["MD5", "Cursor", "Identifier", "WireError", "hiding", "read_json", "redact_text", "shown", "structure"]

MD5 = NewType("MD5", str)
"""32 hex digits, in lower case once they are read."""
Identifier = NewType("Identifier", str)
"""A text of 1 to `LONGEST_IDENTIFIER` characters."""
Cursor = NewType("Cursor", str)
"""Where a list goes on; empty where it does not."""

LONGEST_IDENTIFIER = 255
_MD5 = re.compile("[0-9a-fA-F]{32}")

T = TypeVar("T")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s\"'<>\\]*")
_LONGEST_SHOWN = 60
_LONGEST_SCANNED = 10_000
_hidden: ContextVar[Mapping[str, str]] = ContextVar("hidden", default=MappingProxyType({}))


class WireError(ValueError):
    """A document does not have the form that it should; the message lists what is wrong with it."""


def read_json(text: bytes | str) -> Any:
    """Return what JSON text says. Raises: ValueError, also for NaN and for nesting without end."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def structure(value: object, kind: type[T], path: str = "") -> T:
    """Return `value` as an instance of the attrs class `kind`, whose snake_case names stand for camelCase keys.

    Keys that are not known are ignored, so that newer documents still load. Null is as if left out.

    Args:
        value: what `read_json` returned, or a part of it.
        kind: an attrs class.
        path: where `value` stands, for messages.

    Raises:
        WireError: values are missing or wrong; the message names each.
    """
    try:
        structured: T = _converter().structure(value, kind)
    except Exception as error:
        problems = list(_problems(error, path))
        if not problems:
            raise
        raise WireError("; ".join(problems)) from None
    return structured


def shown(value: object) -> str:
    """Return a value for a message: short, and without what addresses carry in their query."""
    text = redact_text(json.dumps(value, default=repr))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def redact_text(text: str) -> str:
    """Return the beginning of `text` for a message: addresses reduced to what may be shown, hidden texts replaced."""
    hidden = _hidden.get()
    if len(text) > _LONGEST_SCANNED:
        # A hidden text that is cut in two would not be recognised.
        text = text[: _LONGEST_SCANNED - max(map(len, hidden), default=0)]
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, hidden[secret])
    return _URL.sub(lambda match: redact_url(match.group()), text)


@contextmanager
def hiding(secrets: Mapping[str, str]) -> Iterator[None]:
    """Keep texts out of what `shown` and `redact_text` return, in this thread, while the block runs.

    Args:
        secrets: each text with the label that stands for it.
    """
    token = _hidden.set(secrets)
    try:
        yield
    finally:
        _hidden.reset(token)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@cache
def _converter() -> Any:
    """Return a converter that takes values as they are: cattrs alone would turn "no" into True and "3" into 3."""
    import cattrs

    converter = cattrs.Converter()
    for kind, hook in (
        (bool, _to_bool),
        (str, _to_text),
        (MD5, _to_md5),
        (Cursor, _to_cursor),
        (Identifier, _to_identifier),
        (RecommendedParameters, _to_recommended_parameters),
    ):
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _to_literal)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is dict, _to_object)
    converter.register_structure_hook_factory(lambda kind: _origin(kind) is list, _list_hook(converter))
    converter.register_structure_hook_factory(_is_ours, lambda cls: _class_hook(cls, converter))
    return converter


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _is_ours(kind: Any) -> bool:
    return attrs.has(kind) and kind is not RecommendedParameters


def _class_hook(cls: Any, converter: Any) -> Callable[[object, Any], Any]:
    from cattrs.gen import make_dict_structure_fn, override

    names: dict[str, Any] = {name: override(rename=_camel(name)) for name in attrs.fields_dict(cls)}
    inner = make_dict_structure_fn(cls, converter, **names)

    def structure_class(value: object, kind: Any) -> Any:
        return inner({key: item for key, item in _to_object(value, kind).items() if item is not None}, kind)

    return structure_class


def _list_hook(converter: Any) -> Callable[[Any], Callable[[object, Any], Any]]:
    from cattrs.cols import list_structure_factory

    def factory(kind: Any) -> Callable[[object, Any], Any]:
        inner = list_structure_factory(kind, converter)

        def structure_list(value: object, kind: Any) -> Any:
            if not isinstance(value, list):  # cattrs would take the keys of an object for a list
                raise _unexpected("a list", value)
            return inner(value, kind)

        return structure_list

    return factory


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _to_bool(value: object, _: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _unexpected("true or false", value)


def _to_text(value: object, _: object) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise _unexpected("a non-empty text", value)


def _to_identifier(value: object, _: object) -> str:
    text = _to_text(value, _)
    if len(text) > LONGEST_IDENTIFIER:
        raise _unexpected(f"at most {LONGEST_IDENTIFIER} characters", value)
    return text


def _to_md5(value: object, _: object) -> str:
    if isinstance(value, str) and _MD5.fullmatch(value):
        return value.lower()
    raise _unexpected("32 hex digits or null", value)


def _to_cursor(value: object, _: object) -> str:
    if isinstance(value, str):
        return value
    raise _unexpected("a text or null", value)


def _to_object(value: object, _: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _unexpected("an object", value)


def _to_literal(value: object, kind: Any) -> Any:
    if value in get_args(kind):
        return value
    raise _unexpected(" or ".join(map(shown, get_args(kind))), value)


def _to_recommended_parameters(value: object, _: object) -> RecommendedParameters:
    given = _to_object(value, _)
    per_class = given.get("perClassConfidence", given.get("per_class_confidence"))
    return RecommendedParameters(confidence=given.get("confidence"), per_class_confidence=per_class)


def _unexpected(expected: str, found: object) -> ValueError:
    return ValueError(f"expected {expected}, found {shown(found)}")


def _problems(error: BaseException, path: str) -> Iterator[str]:
    """Yield "packageFiles[0].md5Hash: expected ..., found ..." for each leaf of cattrs' tree of errors."""
    from cattrs.errors import ClassValidationError, IterableValidationError, IterableValidationNote

    where = f"{path}: " if path else ""
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        located, elsewhere = error.group_exceptions()
        for inner, note in located:
            if isinstance(note, IterableValidationNote):
                step = f"[{note.index}]"
            else:
                step = f".{_camel(note.name)}" if path else _camel(note.name)
            yield from _problems(inner, path + step)
        for inner in elsewhere:
            yield from _problems(inner, path)
    elif isinstance(error, KeyError):
        yield f"{where}expected a value, found none"
    elif isinstance(error, BaseInferenceModelsError):
        yield f"{where}{error.message}"
    elif isinstance(error, (TypeError, ValueError)):
        yield f"{where}{error}"
