"""Checks of the thresholds that users pass, and the choice between theirs, the package's and the family's."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np
import numpy.typing as npt

from inference_models.entities import Confidence
from inference_models.errors import InvalidParameterError

if TYPE_CHECKING:
    from inference_models.metadata import RecommendedParameters

__all__ = ["check_flag", "check_fraction", "check_max_detections", "resolve_confidence"]


def resolve_confidence(
    confidence: Confidence,
    *,
    default: float,
    class_names: Sequence[str],
    recommended: RecommendedParameters | None = None,
) -> float | npt.NDArray[np.float32]:
    """Return the threshold that `confidence` stands for.

    Args:
        confidence: a number in [0, 1]; "default"; or "best": for each class the recommended threshold, where there is
            none the recommended one for all classes, where there is none the default.
        default: what "default" stands for.
        class_names: names of all classes, by id.
        recommended: what whoever trained the model recommends. Names in it that are not classes have no effect.

    Returns:
        One threshold for all classes, or (classes,) float32 with one for each.

    Raises:
        InvalidParameterError: `confidence` is nothing of this.
    """
    said = confidence if isinstance(confidence, str) else None  # an array compares with each of its elements
    if said == "default":
        return default
    if said != "best":
        return check_fraction("confidence", confidence, 'a number from 0 to 1, "best" or "default"')
    if recommended is None:
        return default
    overall = default if recommended.confidence is None else recommended.confidence
    by_name = recommended.per_class_confidence
    if not by_name:
        return overall
    return np.array([by_name.get(name, overall) for name in class_names], np.float32)


def check_fraction(name: str, value: object, expected: str = "a number from 0 to 1") -> float:
    """Return `value` as a float in [0, 1]. Raises: InvalidParameterError for anything but a number in there.

    numpy's numbers and arrays of one number are taken too; booleans and text are not numbers.
    """
    if isinstance(value, (str, bytes, bool, np.bool_)) or not isinstance(value, SupportsFloat):
        raise InvalidParameterError(f"{name} must be {expected}, got {value!r} ({type(value).__name__}).")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidParameterError(f"{name} must be {expected}, got {value!r}.") from None
    if not 0.0 <= number <= 1.0:  # false for NaN too
        raise InvalidParameterError(f"{name} must be {expected}, got {value!r}.")
    return number


def check_max_detections(value: object) -> int:
    """Return `value` as an int of at least 1. Raises: InvalidParameterError."""
    try:
        number = 0 if isinstance(value, (bool, np.bool_)) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:  # also of arrays and tensors, which have an index each and refuse to give it
        number = 0
    if number < 1:
        raise InvalidParameterError(f"max_detections must be a whole number of at least 1, got {value!r}.")
    return number


def check_flag(name: str, value: object) -> bool:
    """Return `value` as a bool. Raises: InvalidParameterError for anything else, such as "false" or 0."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise InvalidParameterError(f"{name} must be True or False, got {value!r}.")
