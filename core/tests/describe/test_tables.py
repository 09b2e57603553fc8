from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from inference_models.describe.tables import as_text, in_words, open_console, print_facts, print_table, visible

LONG = "a reason that goes on and on, past the edge of any terminal that is not very wide indeed, to its very end"


def table(columns: list[str], rows: list[list[object]], width: int) -> list[str]:
    file = io.StringIO()
    print_table(Console(file=file, width=width), "Title", columns, rows)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_nothing_is_cut_off(width: int) -> None:
    lines = table(["id", ">n", "reason"], [["torchscript-fp32", 12, LONG], ["x", 3, ""]], width)
    assert max(map(len, lines)) <= width
    rule = next(index for index, line in enumerate(lines) if "─" in line)
    assert Counter("".join(lines[rule + 1 :]).replace(" ", "")) == Counter(
        "".join(["torchscript-fp32", "12", LONG, "x", "3"]).replace(" ", "")
    )


def test_wide_columns_wrap_before_narrow_ones() -> None:
    lines = table(["id", "reason"], [["torchscript-fp32", LONG]], width=60)
    assert [line for line in lines if line.startswith("torchscript-fp32   a reason")]


def test_numbers_stand_on_the_right_and_lines_have_no_tail() -> None:
    lines = table(["id", ">n", "note"], [["a", 1, "short"], ["b", 100, "a longer note"]], width=80)
    assert lines == ["Title", "id     n   note", "─" * 24, "a      1   short", "b    100   a longer note"]


def test_markup_and_emoji_are_printed_as_they_are() -> None:
    hint = 'pip install "im-core[viz]" :smile: [red]x[/red]'
    lines = table([hint], [[hint]], width=80)
    assert lines[1] == lines[3] == hint
    file = io.StringIO()
    print_facts(Console(file=file, width=120), hint, {hint: hint})
    assert file.getvalue() == f"{hint}\n{hint}  {hint}\n"


def test_control_characters_cannot_steer_the_terminal() -> None:
    assert visible("\x1b[31mred\x1b]0;title\x07\r\b\x9b1m\ttab\nline") == (
        "\\x1b[31mred\\x1b]0;title\\x07\\x0d\\x08\\x9b1m\ttab\nline"
    )
    assert as_text("\x1b[2J").plain == "\\x1b[2J"


def test_facts_that_are_none_are_left_out() -> None:
    file = io.StringIO()
    print_facts(Console(file=file, width=80), "", {"driver": None, "GPUs": 0})
    assert file.getvalue() == "GPUs  0\n"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"version": "1.2", "providers": ["a", "b"]}, "version: 1.2; providers: a, b"),
        (frozenset({"b", "a"}), "a, b"),
        ([], "none"),
        (None, "none"),
        (True, "yes"),
        ((1, {"x": False}), "1, x: no"),
    ],
)
def test_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def test_off_a_terminal_lines_are_as_long_as_they_need_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")  # test runners and other wrappers leave their own behind
    file = io.StringIO()
    print_table(open_console(file=file), "", ["reason"], [[LONG * 20]])
    assert LONG * 20 in file.getvalue().splitlines()


def test_a_given_console_is_used_as_it_is() -> None:
    console = Console(width=33)
    assert open_console(console) is console
    assert console.width == 33
