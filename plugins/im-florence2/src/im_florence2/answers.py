"""Reading what the network wrote: labels and locations out of text that may be cut off or make no sense.

Locations are tokens `<loc_0>` to `<loc_999>`, in thousandths of the image's width and height. A box is four of them
after its label, a quadrangle eight; an outline is any number, `<sep>` parts outlines of one thing and `<poly>` encloses
those of the next. What does not make a whole one is left out. The text is read once from left to right.

The published checkpoints repeat a region behind what they say about it, so text alone is text without locations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from im_florence2.tasks import AnswerKind

BINS = 1000
_TRIANGLE = 6  # numbers of the smallest outline
Numbers = tuple[int, ...]

_TOKEN = re.compile(r"<loc_(\d{1,9})>|<(sep|/?poly)>|</?(?:s|pad|unk|od|ocr|obj|ground|box|bbox|and)>")
_LOCATION = re.compile(r"<loc_\d{1,9}>")


@frozen
class Located:
    """A thing with its place.

    Attributes:
        label: what the network called it; empty if it did not say.
        places: in thousandths of the image, x before y: one box (left, top, right, bottom), one quadrangle of four
            points, or one or more outlines of at least three points.
    """

    label: str
    places: tuple[Numbers, ...]


@frozen
class Answer:
    """What the network said about one image, in its own words.

    Attributes:
        text: without location tokens where the answer is text alone.
        boxes: things in boxes.
        quads: texts in quadrangles.
        outlines: things with outlines.
    """

    text: str
    boxes: tuple[Located, ...] = ()
    quads: tuple[Located, ...] = ()
    outlines: tuple[Located, ...] = ()


@frozen
class _Piece:
    """A label and the locations after it, in groups that `<sep>` parts."""

    label: str
    groups: list[list[int]]
    enclosed: bool

    def chunks(self, size: int) -> Iterator[Located]:
        """Yield every `size` locations as one place; the rest makes none."""
        numbers = [number for group in self.groups for number in group]
        for start in range(0, len(numbers) - size + 1, size):
            yield Located(self.label, (tuple(numbers[start : start + size]),))


def parse_answer(text: str, kind: AnswerKind) -> Answer:
    """Return what a generated text says.

    Args:
        text: as it was decoded, with the location tokens.
        kind: what the task answers with.

    Returns:
        What could be read; nothing is raised for text that makes no sense.
    """
    if kind == "text":
        return Answer(_LOCATION.sub("", text).strip())
    pieces = list(_pieces(text))
    if kind == "boxes or polygons":
        kind = "polygons" if any(piece.enclosed for piece in pieces) else "boxes"
    if kind == "boxes":
        return Answer(text, boxes=tuple(_ordered(box) for piece in pieces for box in piece.chunks(4)))
    if kind == "quads":
        return Answer(text, quads=tuple(quad for piece in pieces for quad in piece.chunks(8)))
    return Answer(text, outlines=tuple(_outlines(pieces)))


def _pieces(text: str) -> Iterator[_Piece]:
    label, groups, enclosed, end = "", [list[int]()], False, 0
    for token in _TOKEN.finditer(text):
        words, end = text[end : token.start()], token.end()
        if any(groups) and (words.strip() or token[2] in ("poly", "/poly")):
            yield _Piece(label.strip(), groups, enclosed)
            groups = [[]]
            label = "" if words.strip() else label
        if words.strip():
            label, enclosed = label + words, False
        if token[1] is not None:
            groups[-1].append(min(int(token[1]), BINS - 1))
        elif token[2] == "sep":
            groups.append([])
        elif token[2] == "poly":
            enclosed = True
    if any(groups):
        yield _Piece(label.strip(), groups, enclosed)


def _ordered(box: Located) -> Located:
    """Return a box with its left before its right and its top above its bottom."""
    x0, y0, x1, y1 = box.places[0]
    return Located(box.label, ((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)),))


def _outlines(pieces: Iterable[_Piece]) -> Iterator[Located]:
    for piece in pieces:
        outlines = tuple(tuple(group[: len(group) // 2 * 2]) for group in piece.groups if len(group) >= _TRIANGLE)
        if outlines:
            yield Located(piece.label, outlines)
