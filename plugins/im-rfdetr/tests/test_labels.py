"""Names of classes for checkpoints."""

from __future__ import annotations

import re

import pytest

from im_rfdetr.labels import COCO, choose_labels
from inference_models import InvalidParameterError


def test_coco_has_eighty_names_at_their_numbers() -> None:
    assert len(COCO) == 91
    assert len([name for name in COCO if name]) == 80
    assert (COCO[1], COCO[17], COCO[44], COCO[90]) == ("person", "cat", "bottle", "toothbrush")
    assert [number for number, name in enumerate(COCO) if not name] == [0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83]


@pytest.mark.parametrize(
    ("labels", "said", "columns", "expected"),
    [
        (["a", "b"], None, 3, ("a", "b")),
        (("a", "b"), ["x", "y"], 2, ("a", "b")),
        (None, ["x", "y"], 3, ("x", "y")),
        ("coco", None, 91, COCO),
    ],
)
def test_what_the_user_says_comes_first(labels: object, said: object, columns: int, expected: object) -> None:
    assert choose_labels(labels, said, columns) == expected


@pytest.mark.parametrize(
    ("labels", "said", "columns", "message"),
    [
        (None, None, 3, "does not say what its 3 classes are called"),
        (None, [], 3, "does not say"),
        ("voc", None, 3, "\"coco\", not 'voc'"),
        ([1, 2], None, 3, "not [1, 2]"),
        ([], None, 3, "not []"),
        (["a"], None, 3, "There are 1 labels, expected 2, or 3 with one for the background"),
        ("coco", None, 3, "There are 91 labels"),
    ],
)
def test_what_cannot_be_is_refused(labels: object, said: object, columns: int, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        choose_labels(labels, said, columns)
