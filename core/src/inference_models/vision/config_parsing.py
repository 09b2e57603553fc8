"""Reading `inference_config.json`: JSON to checked values, or an error that names the key."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from attrs import has

from inference_models.errors import CorruptedModelPackageError
from inference_models.package_files import read_package_json
from inference_models.vision.inference_config import ContrastType, ImagePreProcessing, InferenceConfig, ResizeMode
from inference_models.vision.requirements import cattrs

__all__ = ["parse_inference_config"]

# Keys of the file that cannot be Python names.
_DASHED_KEYS = {"auto_orient": "auto-orient", "static_crop": "static-crop"}
_LITERAL: Any = Literal
_MAPPING: Any = Mapping


def parse_inference_config(path: str | Path) -> InferenceConfig:
    """Read a package's `inference_config.json`.

    Keys that are not known are ignored, so that newer packages still load. A top-level null is as if left out.

    Args:
        path: the file.

    Returns:
        The checked values.

    Raises:
        CorruptedModelPackageError: the file is missing, not JSON, or a value is missing or wrong. The message names
            each key with what was expected and found.
        MissingDependencyError: cattrs is not installed.
    """
    path = Path(path)
    content = read_package_json(
        path, "It says how images are prepared for the network, so the model cannot run without it."
    )
    if not isinstance(content, dict):
        raise CorruptedModelPackageError(
            f"{path} must hold a JSON object, found {_shown(content)}. Export the package again or correct the file."
        )
    present = {key: value for key, value in content.items() if value is not None}
    try:
        config: InferenceConfig = _converter().structure(present, InferenceConfig)
    except Exception as error:
        problems = list(_problems(error, ()))
        if not problems:
            raise
        raise CorruptedModelPackageError(
            f"{path} cannot be used: {'; '.join(problems)}. Export the package again or correct the file."
        ) from error
    return config


@cache
def _converter() -> Any:
    """Return a converter that takes values as they are: cattrs alone would turn "no" into True and "3" into 3."""
    module = cattrs()
    converter = module.Converter()
    for kind, structure in ((bool, _to_bool), (int, _to_int), (float, _to_float), (str, _to_str)):
        converter.register_structure_hook(kind, structure)
    for choice in (ContrastType, ResizeMode):  # each by name, or the hook of their base class, str, would serve them
        converter.register_structure_hook(choice, _to_choice)
    converter.register_structure_hook_func(lambda kind: get_origin(kind) is _LITERAL, _to_choice)
    converter.register_structure_hook_func(lambda kind: get_origin(kind) is _MAPPING, _to_object)
    converter.register_structure_hook_factory(has, lambda kind: _object_hook(module, converter, kind))
    return converter


def _object_hook(module: Any, converter: Any, kind: Any) -> Callable[[object, Any], Any]:
    renamed = {name: key for name, key in _DASHED_KEYS.items() if kind is ImagePreProcessing}
    overrides = {name: module.gen.override(rename=key) for name, key in renamed.items()}
    structure: Callable[[object, Any], Any] = module.gen.make_dict_structure_fn(kind, converter, **overrides)

    def to_object(value: object, kind: Any) -> Any:
        return structure(_to_object(value, kind), kind)

    return to_object


def _to_object(value: object, _: object) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise _unexpected("an object", value)


def _to_bool(value: object, _: object) -> bool:
    if isinstance(value, int) and value in (0, 1):  # exporters write class_agnostic as 0 or 1
        return bool(value)
    raise _unexpected("true or false", value)


def _to_int(value: object, _: object) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    raise _unexpected("a whole number", value)


def _to_float(value: object, _: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return float(value)
    raise _unexpected("a number", value)


def _to_str(value: object, _: object) -> str:
    if isinstance(value, str):
        return value
    raise _unexpected("text", value)


def _to_choice(value: object, kind: Any) -> Any:
    choices = get_args(kind) or tuple(kind)
    for choice in choices:
        if isinstance(value, str) and value == choice:
            return choice
    raise _unexpected(" or ".join(f'"{choice}"' for choice in choices), value)


def _unexpected(expected: str, found: object) -> ValueError:
    return ValueError(f"expected {expected}, found {_shown(found)}")


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _problems(error: BaseException, keys: tuple[str, ...]) -> Iterator[str]:
    """Yield "network_input.color_mode: expected ..., found ..." for each leaf of cattrs' tree of errors."""
    errors = cattrs().errors
    if isinstance(error, (errors.ClassValidationError, errors.IterableValidationError)):
        located, elsewhere = error.group_exceptions()
        for inner, note in located:
            name = note.name if isinstance(error, errors.ClassValidationError) else str(note.index)
            yield from _problems(inner, (*keys, _DASHED_KEYS.get(name, name)))
        for inner in elsewhere:
            yield from _problems(inner, keys)
    elif isinstance(error, KeyError):
        yield f"{'.'.join(keys)}: missing"
    elif isinstance(error, (TypeError, ValueError)):
        yield f"{'.'.join(keys)}: {error}"
