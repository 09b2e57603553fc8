"""Plain data of any form on the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference_models.describe import print_prediction
from inference_models.describe.plain import print_plain

Printed = Callable[..., str]


def lines(printed: Printed, data: object) -> list[str]:
    text = printed(lambda console: print_plain(console, data))
    return [" ".join(line.split()) for line in text.splitlines() if not set(line) <= set("─ ")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"passed": True, "share": 0.123456, "text": "[b]a[/b]"}, ["passed yes", "share 0.1235", "text [b]a[/b]"]),
        ({"nothing": None, "empty": []}, ["nothing none", "empty none"]),
        ({"few": [1, 2.5], "many": list(range(100))}, ["few 1, 2.5", "many 100 values"]),
        ({"box": {"left": 1, "top": 2}}, ["box", "left 1", "top 2"]),
        ({"a": {"b": {"c": 1}}}, ["a, b", "c 1"]),
        ({"codes": [{"text": "x", "size": 3}, {"text": None}]}, ["codes", "text size", "x 3", "- -"]),
        ({"images": [{"rows": [{"n": 1}]}]}, ["images, rows", "n", "1"]),
        ({"images": [{"rows": [{"n": 1}]}, {"ok": True, "b": {"c": 2}}]}, ["images 1, rows", "n", "1", "images 2"]),
        ([], ["none"]),
        (0.25, ["0.25"]),
    ],
)
def test_how_it_is_printed(printed: Printed, data: object, expected: list[str]) -> None:
    assert lines(printed, data)[: len(expected)] == expected


class Codes:
    """A prediction of a type that only its plugin knows."""

    def to_dict(self) -> dict[str, object]:
        return {"codes": [{"kind": "QR", "text": "abc"}]}


def test_a_prediction_of_an_unknown_type_is_what_it_says_itself(printed: Printed) -> None:
    rows = [" ".join(line.split()) for line in printed(print_prediction, Codes(), "a.png").splitlines()]
    assert rows[:3] == ["a.png", "codes", "kind text"]
    assert rows[-1] == "QR abc"
