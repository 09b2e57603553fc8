from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_models.cli.labels import Label, Style, draw_labels, place_labels, write_rows

sv = pytest.importorskip("supervision")

PICTURE = (400, 300)
SIZE = np.array([[60, 20]])


def covered(areas: Any) -> int:
    """Return how many pixels more than one of the labels has."""
    count = np.zeros(PICTURE[::-1], int)
    for left, top, right, bottom in areas:
        count[top:bottom, left:right] += 1
    return int((count > 1).sum())


def areas_of(boxes: Any, size: Any = SIZE) -> Any:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    sizes = np.repeat(size, len(boxes), axis=0)
    corners = place_labels(boxes, sizes, PICTURE)
    return np.concatenate([corners, corners + sizes], axis=1)


@pytest.mark.parametrize(
    ("box", "corner"),
    [
        ([100, 100, 200, 200], (100, 80)),
        ([100, 5, 200, 200], (100, 0)),
        ([-30, -20, 900, 900], (0, 0)),
        ([390, 290, 400, 300], (340, 270)),
        ([np.nan, 100, np.nan, 200], (0, 80)),
    ],
)
def test_a_label_alone_is_above_its_box_and_in_the_picture(box: Any, corner: tuple[int, int]) -> None:
    assert tuple(areas_of(box)[0, :2]) == corner


def test_labels_of_boxes_at_one_place_are_all_seen() -> None:
    for count in range(1, 9):
        assert covered(areas_of([[100, 100, 250, 280]] * count)) == 0
    assert covered(areas_of([[0, 0, 97, 300], [25, 0, 362, 300], [30, 0, 200, 190], [40, 0, 390, 280]])) == 0


def test_a_label_larger_than_the_picture_begins_at_its_corner() -> None:
    assert tuple(areas_of([50, 50, 60, 60], np.array([[900, 900]]))[0, :2]) == (0, 0)
    assert areas_of([]).shape == (0, 4)


@given(st.lists(st.tuples(*[st.integers(-100, 500)] * 4), max_size=40))
def test_labels_are_in_the_picture_whatever_the_boxes(boxes: list[Any]) -> None:
    areas = areas_of(boxes)
    assert (areas >= 0).all()
    assert (areas <= [*PICTURE, *PICTURE]).all()


@pytest.mark.parametrize(("side", "line"), [(1, 1), (120, 1), (512, 2), (1080, 4), (2160, 8)])
def test_sizes_go_with_the_picture(side: int, line: int) -> None:
    style = Style.of(np.zeros((side, 2 * side, 3), np.uint8))
    assert style.line == line
    assert style.text_scale == max(side / 1000, 0.35)


@pytest.mark.parametrize(("color", "letters"), [("#FFFF00", 0), ("#000080", 255)])
def test_letters_stand_out_from_the_colour_behind_them(color: str, letters: int) -> None:
    behind = sv.Color.from_hex(color)
    scene = np.full((300, 400, 3), 128, np.uint8)
    drawn = draw_labels(sv, scene, [Label("EEE", behind)], np.array([[100.0, 100, 200, 200]]))
    label = drawn[100 - 20 : 100, 100:200].reshape(-1, 3)
    assert (label == behind.as_bgr()).all(axis=1).any()
    assert (np.abs(label.astype(int) - letters) < 40).all(axis=1).any()


def test_rows_lie_one_below_the_other() -> None:
    scene = np.full((300, 400, 3), 128, np.uint8)
    colors = [sv.Color.from_hex(color) for color in ("#800000", "#008000", "#000080")]
    drawn = write_rows(sv, scene, [Label("x", color) for color in colors])
    tops = [np.flatnonzero((drawn == color.as_bgr()).all(axis=2).any(axis=1))[[0, -1]] for color in colors]
    for (_, bottom), (top, _) in pairwise(tops):
        assert top in (bottom, bottom + 1)
