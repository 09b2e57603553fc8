from __future__ import annotations

from typing import Any

import pytest

from im_mediapipe.categories import check_categories
from inference_models import InvalidParameterError

NAMES = ("red", "green", "blue")


def test_lists_come_back_sorted_and_without_repetitions() -> None:
    assert check_categories(NAMES, ["red", "blue", "red"], None) == (("blue", "red"), ())
    assert check_categories(NAMES, None, {"green"}) == ((), ("green",))
    assert check_categories(NAMES, None, None) == ((), ())


@pytest.mark.parametrize(
    ("allowed", "denied", "expected"),
    [
        (["red"], ["blue"], "exclude each other"),
        (["rde"], None, "category_allowlist names 'rde', which is no class of this model. Did you mean 'red'?"),
        (None, ["pink"], "category_denylist names 'pink'"),
        ("red", None, "must be a list of class names"),
        ([], None, "with at least one"),
        ([3], None, "names 3"),
    ],
)
def test_lists_that_cannot_be_used(allowed: Any, denied: Any, expected: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        check_categories(NAMES, allowed, denied)
    assert expected in caught.value.message
