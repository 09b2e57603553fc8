"""Strict reading of JSON, and what messages may show of it."""

from __future__ import annotations

import time

import pytest
from attrs import frozen

from inference_models.weights_providers.wire import WireError, hiding, read_json, redact_text, shown, structure


@frozen
class Part:
    some_name: str
    is_new: bool = False


@frozen
class Whole:
    parts: list[Part]
    first_part: Part | None = None


def test_snake_case_stands_for_camel_case() -> None:
    whole = structure({"parts": [{"someName": "a", "isNew": True}], "firstPart": {"someName": "b"}}, Whole)
    assert whole == Whole([Part("a", True)], Part("b"))


def test_every_problem_is_listed_with_its_path() -> None:
    with pytest.raises(WireError) as caught:
        structure({"parts": [{"someName": "a"}, {"isNew": 1}], "firstPart": []}, Whole, "top")
    assert str(caught.value).split("; ") == [
        "top.parts[1].someName: expected a value, found none",
        "top.parts[1].isNew: expected true or false, found 1",
        "top.firstPart: expected an object, found []",
    ]


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "[" * 200_000, "{'a': 1}", "", b"\xff", "9" * 5_000]
)
def test_what_is_no_json(text) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the words are Python's)
        read_json(text)


def test_what_is_shown_is_short_and_without_secrets() -> None:
    assert shown({"url": "https://me:pw@x.example:1/a?sig=1#f"}) == '{"url": "https://x.example:1/a"}'
    assert len(shown("x" * 100)) == 60
    with hiding({"canary": "<key>", "canary-2": "<longer>"}):
        assert redact_text("a canary and canary-2") == "a <key> and <longer>"
        assert "cana" not in shown("x" * 52 + "canary" * 20), "not even where it is cut"
    assert redact_text("canary") == "canary"


def test_long_texts_are_not_worked_on_for_long() -> None:
    started = time.process_time()
    with hiding({"x" * 50: "<key>"}):
        for text in ("a" * 5_000_000, "http://" * 1_000_000, "x" * 9_990 + "x" * 5_000_000):
            assert "x" * 40 not in redact_text(text)
    assert time.process_time() - started < 5  # in proportion to their length, it is 0.1
