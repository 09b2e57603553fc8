"""Texts of environment variables: what is accepted, and what the error says of the rest."""

from __future__ import annotations

import pytest

from inference_models.parsing import (
    parse_choice,
    parse_count,
    parse_flag,
    parse_http_origins,
    parse_names,
    parse_pairs,
    parse_positive_float,
    parse_positive_size,
    parse_size,
    parse_statuses,
)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("ON", True), ("0", False), ("No", False), ("", False)])
def test_flags(text: str, value: bool) -> None:
    assert parse_flag(text) is value


def test_lists_tolerate_spaces_brackets_and_quotes() -> None:
    assert parse_names(" a, 'b' ,, c") == parse_names('["a","b","c"]') == ("a", "b", "c")
    assert parse_names("") == ()


def test_pairs() -> None:
    assert parse_pairs("model:a/b/c=im-x, backend:y = z") == (("model:a/b/c", "im-x"), ("backend:y", "z"))
    for wrong in ("a", "=b", "a="):
        with pytest.raises(ValueError, match="key=value"):
            parse_pairs(wrong)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_numbers_must_be_above_zero_and_finite(text: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        parse_positive_float(text)


def test_counts() -> None:
    assert parse_count("3") == 3
    for wrong in ("0", "-1", "1.5", "three", "", "9" * 5_000, "\u0663"):
        with pytest.raises(ValueError, match="at least 1"):
            parse_count(wrong)


def test_sizes_are_whole_numbers_of_bytes_above_zero() -> None:
    assert (parse_positive_size("20GB"), parse_positive_size(" 1.5 gib "), parse_size("0")) == (20 * 10**9, 3 << 29, 0)
    for wrong in ("0", "0.4", "", "-1", "many", "1e9", "9" * 400, "\u0663"):
        with pytest.raises(ValueError, match=r"a size .*5GB"):
            parse_positive_size(wrong)


def test_statuses() -> None:
    assert parse_statuses("[429, 503]") == {429, 503}
    assert parse_statuses("") == frozenset()
    for wrong in ("200", "600", "5xx", "9" * 5_000):
        with pytest.raises(ValueError, match="400 to 599"):
            parse_statuses(wrong)


def test_choices_are_taken_in_any_case() -> None:
    assert parse_choice("us", "eu")("EU") == "eu"
    with pytest.raises(ValueError, match="us or eu"):
        parse_choice("us", "eu")("moon")


def test_origins_come_back_with_their_port() -> None:
    origins = parse_http_origins("http://Models.LAN, http://10.0.0.5:8080/, http://[fd00::1]:81")
    assert origins == {"http://models.lan:80", "http://10.0.0.5:8080", "http://fd00::1:81"}


@pytest.mark.parametrize(
    "text",
    [
        "models.lan",
        "https://models.lan",
        "http://",
        "http://a/path",
        "http://a?b",
        "http://user@a",
        "http://*.lan",
        "http://a:x",
        "http://[",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"http://10\.0\.0\.5:8080"):
        parse_http_origins(text)
