"""Reading generated text: what is whole is read as transformers reads it, and nothing makes it fail."""

from __future__ import annotations

import time
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from im_florence2.answers import Answer, parse_answer
from im_florence2.model import Florence2
from im_florence2.tasks import AnswerKind

KINDS = get_args(AnswerKind)


def locs(*numbers: int) -> str:
    return "".join(f"<loc_{number}>" for number in numbers)


def boxes(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(box.label, box.places[0]) for box in parse_answer(text, "boxes").boxes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("no locations at all", []),
        (f"</s><s>cat{locs(1, 2, 3, 4)}</s><pad>", [("cat", (1, 2, 3, 4))]),
        (f"cat{locs(1, 2, 3, 4)}dog{locs(5, 6, 7, 8)}", [("cat", (1, 2, 3, 4)), ("dog", (5, 6, 7, 8))]),
        (f"cat{locs(1, 2, 3, 4, 5, 6, 7, 8)}", [("cat", (1, 2, 3, 4)), ("cat", (5, 6, 7, 8))]),
        (f"a cat {locs(1, 2, 3, 4)} and a dog {locs(5, 6, 7)}", [("a cat", (1, 2, 3, 4))]),
        (f"cut off{locs(1, 2, 3, 4)}do", [("cut off", (1, 2, 3, 4))]),
        (f"odd{locs(1, 2, 3, 4, 5, 6)}", [("odd", (1, 2, 3, 4))]),
        (f"lost{locs(1, 2)}found{locs(1, 2, 3, 4)}", [("found", (1, 2, 3, 4))]),
        (locs(1, 2, 3, 4), [("", (1, 2, 3, 4))]),
        (f"turned{locs(9, 8, 3, 4)}", [("turned", (3, 4, 9, 8))]),
        (f"beyond{locs(0, 0, 1000, 123456)}", [("beyond", (0, 0, 999, 999))]),
        (f"näh; 猫{locs(1, 2, 3, 4)}", [("näh; 猫", (1, 2, 3, 4))]),
        (f"1 < 2 <b>{locs(1, 2, 3, 4)}", [("1 < 2 <b>", (1, 2, 3, 4))]),
        ("<loc_><loc_x><loc_-1><loc_1", []),
        (f"cat<and>dog{locs(1, 2, 3, 4)}", [("catdog", (1, 2, 3, 4))]),
    ],
)
def test_boxes(text: str, expected: list[Any]) -> None:
    assert boxes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (locs(1, 2, 3, 4), []),
        (locs(1, 1, 9, 1, 5, 9), [("", ((1, 1, 9, 1, 5, 9),))]),
        (locs(1, 1, 9, 1, 5, 9, 7), [("", ((1, 1, 9, 1, 5, 9),))]),
        (
            f"{locs(1, 1, 9, 1, 5, 9)}<sep>{locs(11, 11, 19, 11, 15, 19)}",
            [("", ((1, 1, 9, 1, 5, 9), (11, 11, 19, 11, 15, 19)))],
        ),
        (f"{locs(1, 1, 9, 1, 5, 9)}<sep>{locs(1, 1)}<sep>", [("", ((1, 1, 9, 1, 5, 9),))]),
        (
            f"cat<poly>{locs(1, 1, 9, 1, 5, 9)}</poly><poly>{locs(2, 2, 8, 2, 5, 8)}</poly>dog<poly>",
            [("cat", ((1, 1, 9, 1, 5, 9),)), ("cat", ((2, 2, 8, 2, 5, 8),))],
        ),
    ],
)
def test_outlines(text: str, expected: list[Any]) -> None:
    answer = parse_answer(text, "polygons")
    assert [(thing.label, thing.places) for thing in answer.outlines] == expected


def test_texts_in_quadrangles() -> None:
    text = f"STOP{locs(*range(8))}café{locs(*range(8, 16))}cut{locs(1, 2, 3, 4, 5, 6, 7)}"
    quads = parse_answer(text, "quads").quads
    assert [(quad.label, quad.places) for quad in quads] == [
        ("STOP", (tuple(range(8)),)),
        ("café", (tuple(range(8, 16)),)),
    ]


def test_what_the_network_prefers() -> None:
    kind: AnswerKind = "boxes or polygons"
    assert len(parse_answer(f"cat{locs(1, 2, 3, 4)}", kind).boxes) == 1
    outlined = parse_answer(f"cat<poly>{locs(1, 1, 9, 1, 5, 9)}</poly>", kind)
    assert (len(outlined.boxes), len(outlined.outlines)) == (0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a red car\n", "a red car"),
        (f"</s><s>{locs(1, 2)}", "</s><s>"),
        (f"turquoise beetle{locs(52, 332, 932, 774)}", "turquoise beetle"),
        ("<loc_ of <b>", "<loc_ of <b>"),
    ],
)
def test_text_alone(text: str, expected: str) -> None:
    assert parse_answer(text, "text") == Answer(expected)


PIECES = st.one_of(
    st.integers(-5, 2000).map(lambda number: f"<loc_{number}>"),
    st.sampled_from(
        ["<sep>", "<poly>", "</poly>", "<s>", "</s>", "<pad>", "<and>", "<od>", "<loc_", "<", ">", " ", "\x00"]
    ),
    st.text(max_size=6),
)


@given(st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text()), st.sampled_from(KINDS))
@settings(max_examples=400, deadline=None)
def test_nothing_makes_it_fail(text: str, kind: AnswerKind) -> None:
    answer = parse_answer(text, kind)
    for box in answer.boxes:
        left, top, right, bottom = box.places[0]
        assert 0 <= left <= right <= 999
        assert 0 <= top <= bottom <= 999
    assert all(len(quad.places[0]) == 8 for quad in answer.quads)
    for thing in answer.outlines:
        assert thing.places
        assert all(len(outline) >= 6 and len(outline) % 2 == 0 for outline in thing.places)


LABELS = st.text("abcdefghij ", min_size=1, max_size=12).filter(str.strip)
BINS = st.integers(0, 999)
BOXES = st.tuples(BINS, BINS, BINS, BINS).map(lambda box: (*map(min, box[:2], box[2:]), *map(max, box[:2], box[2:])))


# Theirs are whole numbers of pixels, and in an image of 1000 x 1000 those of the tokens.


@given(st.lists(st.tuples(LABELS, st.lists(BOXES, min_size=1, max_size=3)), max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_boxes_are_those_of_transformers(tiny: Florence2, things: list[Any]) -> None:
    text = "".join(label + "".join(locs(*box) for box in found) for label, found in things)
    parser = tiny._package.processor.post_processor
    theirs = parser.parse_description_with_bboxes_from_text_and_spans(text, image_size=(1000, 1000))
    ours = parse_answer(text, "boxes").boxes
    assert [(box.label, list(box.places[0])) for box in ours] == [(one["cat_name"], one["bbox"]) for one in theirs]


@given(st.lists(st.lists(st.tuples(BINS, BINS), min_size=3, max_size=9), max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outlines_are_those_of_transformers(tiny: Florence2, outlines: list[Any]) -> None:
    text = "<sep>".join(locs(*(number for point in outline for number in point)) for outline in outlines)
    parser = tiny._package.processor.post_processor
    theirs = parser.parse_description_with_polygons_from_text_and_spans(
        text, image_size=(1000, 1000), allow_empty_phrase=True
    )
    ours = parse_answer(text, "polygons").outlines
    assert [[list(one) for one in thing.places] for thing in ours] == [one["polygons"] for one in theirs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", ["<loc_1>", "<poly>", "<", "cat<loc_1><loc_2><loc_3><loc_4>", "<loc_1" * 9, "a"])
def test_long_text_takes_time_in_proportion(piece: str, kind: AnswerKind) -> None:
    started = time.process_time()  # it runs in this thread alone, so other programs do not count
    parse_answer(piece * 20_000, kind)
    assert time.process_time() - started < 10  # in proportion it is 0.2
