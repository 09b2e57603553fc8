from __future__ import annotations

import json
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch

from inference_models.predictions.plain import to_plain


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.True_, True),
        (np.int32(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (float("nan"), None),
        (np.float32("inf"), None),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array(4), 4),
        (torch.tensor([1.5, float("nan")]), [1.5, None]),
        (torch.tensor(2), 2),
        ((1, (2, 3)), [1, [2, 3]]),
        ({1: {"a": np.arange(2)}}, {"1": {"a": [0, 1]}}),
        (PurePosixPath("a/b"), "a/b"),
        (Colour.RED, "Colour.RED"),
        ({4}, [4]),
        (frozenset({"b", "c", "a"}), ["a", "b", "c"]),
    ],
)
def test_everything_becomes_what_json_knows(value: Any, expected: Any) -> None:
    result = to_plain(value)
    assert result == expected
    assert type(result) is type(expected)
    json.dumps(result, allow_nan=False)
