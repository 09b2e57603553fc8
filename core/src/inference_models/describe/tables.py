"""Tables on a rich console: nothing is cut off, nothing is read as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

# Wider than any row: in a file or pipe every row stays on one line, as grep wants it.
_UNLIMITED = 100_000
_NARROW = 24
_PADDING = 3
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STYLES = {"available": "green", "usable": "green", "enabled": "green", "unavailable": "yellow", "broken": "red"}


def open_console(console: Console | None = None, file: IO[str] | None = None) -> Console:
    """Return `console`; when it is None, one that writes to `file`, or to stdout.

    A terminal's width is kept and long cells wrap. Elsewhere lines are as long as they need to be. Colours are for
    terminals only, and never when NO_COLOR is set.
    """
    if console is not None:
        return console
    from rich.console import Console

    console = Console(file=file, markup=False, emoji=False, highlight=False)
    if not console.is_terminal and not console.is_jupyter:
        console.width = _UNLIMITED
    return console


def visible(text: object) -> str:
    """Return the text with control characters spelled out, so that no file or server can steer the terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", str(text))


def as_text(value: object, style: str = "") -> Text:
    """Return `value` as text that rich prints as it is."""
    from rich.text import Text

    return Text(visible(value), style=style)


def print_table(console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a title and a table. A column whose name starts with ">" is aligned to the right."""
    from rich import box
    from rich.table import Table

    cells = [[as_text(value, _style_of(value)) for value in row] for row in rows]
    heads = [as_text(name.removeprefix(">")) for name in columns]
    whole = _columns_to_keep_whole([heads, *cells], console.width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="")
    for index, name in enumerate(columns):
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        table.add_column(heads[index], overflow="fold", justify=justify, no_wrap=index in whole)
    for row in cells:
        table.add_row(*row)
    if title:
        console.print(as_text(title, "bold"))
    console.print(_Trimmed(table))


def _columns_to_keep_whole(rows: Sequence[Sequence[Text]], width: int) -> set[int]:
    """Return the narrow columns, so that it is the wide ones that wrap; none when there is no room for that."""
    widest = [max(line.cell_len for cell in column for line in cell.split()) for column in zip(*rows, strict=True)]
    narrow = {index for index, cells in enumerate(widest) if cells <= _NARROW}
    needed = sum(widest[index] if index in narrow else _NARROW for index in range(len(widest)))
    return narrow if needed + _PADDING * len(widest) <= width else set()


def print_facts(console: Console, title: str, facts: Mapping[str, object]) -> None:
    """Print a title and a list of names with their values; facts that are None are left out."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(as_text(name), as_text(value))
    if title:
        console.print(as_text(title, "bold"))
    console.print(_Trimmed(table))


class _Trimmed:
    """Leaves out the blanks with which rich fills lines up: in a file they make short lines as long as the longest."""

    def __init__(self, table: RenderableType) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for line in console.render_lines(self.table, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            yield from line[:-1]
            for last in line[-1:]:
                yield Segment(last.text.rstrip(), last.style)
            yield Segment.line()


def in_words(value: Any) -> str:
    """Return a value of any kind on one line: lists joined by commas, mappings by semicolons."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {in_words(item)}" for key, item in value.items())
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _style_of(value: object) -> str:
    return _STYLES.get(str(value).partition(" ")[0].rstrip(":"), "") if isinstance(value, str) else ""
