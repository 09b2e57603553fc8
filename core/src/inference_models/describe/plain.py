"""Plain data of any form, such as the `to_dict()` of a prediction that only its plugin knows: facts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inference_models.describe.tables import in_words, print_facts, print_table

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_LIST = 12


def print_plain(console: Console, data: object, title: str = "") -> None:
    """Print what JSON can say: objects as names with values, lists of flat objects as tables, the rest below titles.

    Args:
        console: where to print.
        data: objects, lists, texts, numbers, True, False and None.
        title: a line above it, if there is anything to print.
    """
    if isinstance(data, Mapping):
        flat = {str(name): _shortly(value) for name, value in data.items() if not _is_deep(value)}
        if flat:
            print_facts(console, title, flat)
        for name, value in data.items():
            if _is_deep(value):
                print_plain(console, value, f"{title}, {name}" if title else str(name))
    elif isinstance(data, (list, tuple)) and _is_deep(data):
        if all(isinstance(row, Mapping) and not any(map(_is_deep, row.values())) for row in data):
            _print_rows(console, data, title)
            return
        for number, row in enumerate(data, start=1):
            print_plain(console, row, f"{title} {number}".strip() if len(data) > 1 else title)
    else:
        print_facts(console, title, {"": _shortly(data)})


def _print_rows(console: Console, rows: Any, title: str) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    heads = [f">{name}" if any(_is_number(row.get(name)) for row in rows) else str(name) for name in columns]
    print_table(
        console,
        title,
        heads,
        [["-" if row.get(name) is None else _shortly(row[name]) for name in columns] for row in rows],
    )


def _is_deep(value: object) -> bool:
    """Return whether a value takes more than a line: it holds objects."""
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, Mapping) or _is_deep(item) for item in value)
    return isinstance(value, Mapping) and bool(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shortly(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return in_words([_shortly(item) for item in value]) if len(value) <= _LONGEST_LIST else f"{len(value)} values"
    return in_words(value)
