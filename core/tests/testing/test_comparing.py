"""Answers are the same or they differ, and the difference is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from inference_models import Detections
from inference_models.testing.checks.comparing import arrays_in, difference

F32 = np.float32


@dataclass
class Plain:
    """A prediction without attrs."""

    count: int
    scores: Any


def boxes(offset: float = 0) -> Detections:
    return Detections(np.full((1, 4), 100 + offset, F32), np.zeros(1, np.int32), np.ones(1, F32))


SAME = [
    (1, 1),
    (1.0, 1.0004),
    (1000.0, 1000.5),
    ("a", "a"),
    (None, None),
    ([1, {"a": (2.0,)}], [1, {"a": (2.0001,)}]),
    (boxes(), boxes(0.05)),
    (Plain(1, np.ones(2)), Plain(1, np.ones(2) + 1e-4)),
    (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
    (np.arange(3), np.arange(3)),
    (np.zeros((0, 4)), np.zeros((0, 4))),
    (np.arange(2000).reshape(2, 1000) > 0, np.arange(2000).reshape(2, 1000) > 1),
]
DIFFERENT = [
    (1, 2, "the answer is 1 and 2"),
    (1, "1", "the answer is 1 and '1'"),
    (1.0, 1.01, "the answer is"),
    ([1], [1, 2], "the answer has 1 and 2 parts"),
    ({"a": 1}, {"b": 1}, "1 and 1 parts"),
    (boxes(), boxes(1), r"`xyxy` differs: 100.0 and 101.0 at \[0, 0\]"),
    ([boxes()], [boxes()[:0]], r"`\[0\].xyxy` has the shapes \(1, 4\) and \(0, 4\)"),
    (Plain(1, np.ones(2)), Plain(2, np.ones(2)), "`count` is 1 and 2"),
    (np.ones(2), np.ones(2, F32), "the answer has the dtypes float64 and float32"),
    (np.ones(1), np.array([np.nan]), "differs: 1.0 and nan"),
    (np.ones(1), np.array([np.inf]), "differs: 1.0 and inf"),
    (np.arange(3), np.array([0, 1, 3]), "differs in 33.33% of its values"),
    (np.zeros((2, 100), bool), np.arange(200).reshape(2, 100) < 3, "differs in 1.50% of its values"),
    ("a" * 200, "b", r"is 'a+\.\.\. and 'b'"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_the_same(one: Any, other: Any) -> None:
    assert difference(one, other, 1e-3) is None


@pytest.mark.parametrize(("one", "other", "what"), DIFFERENT)
def test_what_differs(one: Any, other: Any, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        raise AssertionError(difference(one, other, 1e-3))


def test_arrays_are_found_however_deep() -> None:
    found = dict(arrays_in({"a": [boxes(), Plain(1, np.ones(2))], "b": "text"}))
    assert list(found) == ["['a'][0].xyxy", "['a'][0].class_id", "['a'][0].confidence", "['a'][1].scores"]


def test_tensors_are_compared_by_their_values() -> None:
    torch = pytest.importorskip("torch")
    assert difference(torch.ones(2), np.ones(2, F32), 0) is None
    assert difference(boxes().to_torch(), boxes(1), 1e-3) is not None
