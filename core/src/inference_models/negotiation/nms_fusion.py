"""Packages whose network ends in non-maximum suppression: its thresholds were fixed when it was exported.

Such a package has the model feature `nms_fused`, an object with the four settings below. It is used only by
who asks for it, because the thresholds that are given to a prediction can no longer replace the fixed ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isclose, isfinite
from types import MappingProxyType
from typing import Any, TypeAlias

from inference_models.errors import InvalidParameterError, describe_choices

FEATURE = "nms_fused"

Preferences: TypeAlias = Mapping[str, tuple[float, float] | bool]
"""By setting, the range (smallest, largest) that is wanted; of `class_agnostic`, the value. Others are free."""

# Each setting with the largest value that makes sense.
_NUMBERS = {"max_detections": inf, "confidence_threshold": 1.0, "iou_threshold": 1.0}
_FLAG = "class_agnostic"
_SETTINGS = (*_NUMBERS, _FLAG)

DEFAULTS: Preferences = MappingProxyType(
    {
        "max_detections": (300, 300),
        "confidence_threshold": (0.25, 0.25),
        "iou_threshold": (0.7, 0.7),
        "class_agnostic": False,
    }
)
"""What `nms_fusion_preferences=True` asks for: the settings with which Roboflow exports."""


def parse_preferences(value: object) -> Preferences | None:
    """Return what `nms_fusion_preferences=` asks for; None when such packages are not wanted.

    Raises:
        InvalidParameterError: it is neither a flag nor an object with known settings and possible values.
    """
    if value is None or value is False:
        return None
    if value is True:
        return DEFAULTS
    if not isinstance(value, Mapping):
        raise InvalidParameterError(
            f"nms_fusion_preferences= takes True, False, None or an object with settings "
            f"({', '.join(_SETTINGS)}), not {value!r}."
        )
    return MappingProxyType({str(name): _parse_setting(name, wanted) for name, wanted in value.items()})


def _parse_setting(name: object, wanted: object) -> tuple[float, float] | bool:
    if name == _FLAG:
        if not isinstance(wanted, bool):
            raise _wrong_setting(name, "True or False", wanted)
        return wanted
    if name not in _NUMBERS:
        raise InvalidParameterError(
            f"nms_fusion_preferences= has no setting {name!r}. {describe_choices(str(name), _SETTINGS)}"
        )
    low, high = wanted if isinstance(wanted, tuple | list) and len(wanted) == 2 else (wanted, wanted)
    smallest, largest = _number(low), _number(high)
    if smallest is None or largest is None or not 0 <= smallest <= largest <= _NUMBERS[str(name)]:
        limit = "0 up" if _NUMBERS[str(name)] == inf else "0 to 1"
        raise _wrong_setting(name, f"a number from {limit}, or a pair (smallest, largest) of such", wanted)
    return smallest, largest


def _wrong_setting(name: object, expected: str, got: object) -> InvalidParameterError:
    return InvalidParameterError(f"nms_fusion_preferences={{{name!r}: ...}} takes {expected}, not {got!r}.")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if isfinite(value) else None
    except OverflowError:  # a whole number beyond every float
        return None


def reject_fused(features: Mapping[str, Any], preferences: Preferences | None) -> str | None:
    """Return why a package with these model features is not wanted; None when it is, or ends in no NMS."""
    fused = features.get(FEATURE)
    if fused is None or fused is False:
        return None
    if preferences is None:
        return (
            "its network ends in non-maximum suppression with fixed thresholds (model feature 'nms_fused'); "
            "nms_fusion_preferences=True permits it"
        )
    settings = _read_settings(fused)
    if isinstance(settings, str):
        return f"its model feature 'nms_fused' is malformed: {settings}"
    for name, wanted in preferences.items():
        if not _fits(settings[name], wanted):
            return f"its fused non-maximum suppression has {name} {settings[name]}, asked for: {_in_words(wanted)}"
    return None


def _read_settings(fused: object) -> dict[str, float | bool] | str:
    """Return the four settings, or what is wrong with them."""
    if not isinstance(fused, Mapping):
        return f"it is no object but {type(fused).__name__}"
    settings: dict[str, float | bool] = {}
    for name in _SETTINGS:
        if name not in fused:
            return f"it has no {name}"
        value = _read_flag(fused[name]) if name == _FLAG else _number(fused[name])
        if value is None or not 0 <= value <= _NUMBERS.get(name, 1):
            return f"its {name} cannot be {fused[name]!r:.60}"
        settings[name] = value
    return settings


def _read_flag(value: object) -> bool | None:
    # Some exports write 0 and 1.
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def _fits(value: float, wanted: tuple[float, float] | bool) -> bool:
    if isinstance(wanted, bool):
        return value is wanted
    return wanted[0] <= value <= wanted[1] or isclose(value, wanted[0]) or isclose(value, wanted[1])


def _in_words(wanted: tuple[float, float] | bool) -> str:
    if isinstance(wanted, bool) or wanted[0] != wanted[1]:
        return str(wanted) if isinstance(wanted, bool) else f"{wanted[0]} to {wanted[1]}"
    return str(wanted[0])


def closeness(features: Mapping[str, Any], preferences: Preferences | None) -> float:
    """Return how near a package comes to what is wanted: the sum over the settings that are asked for.

    Each counts 1 in the middle of its range and 0.5 at the ends. The sum is 0 for a package without the feature.
    """
    settings = _read_settings(features.get(FEATURE))
    if preferences is None or isinstance(settings, str):
        return 0.0
    return sum(_nearness(settings[name], wanted) for name, wanted in preferences.items())


def _nearness(value: float, wanted: tuple[float, float] | bool) -> float:
    if isinstance(wanted, bool) or wanted[0] == wanted[1]:
        return float(_fits(value, wanted))
    middle, width = (wanted[0] + wanted[1]) / 2, wanted[1] - wanted[0]
    return max(0.0, 1.0 - abs(value - middle) / width)
