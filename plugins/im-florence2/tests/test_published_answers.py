"""What published checkpoints generated, read as the tests of transformers and of transformers.js say.

The texts are those that Florence-2-base and -large gave for two photographs: a car, 640 x 480 pixels, and a street,
1300 x 876. transformers cuts coordinates to whole pixels; transformers.js does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from im_florence2.answers import parse_answer
from im_florence2.images import untouched
from im_florence2.results import as_plain
from im_florence2.tasks import TASKS
from inference_models.developer_tools import ImageDimensions

CAR, STREET = ImageDimensions(height=480, width=640), ImageDimensions(height=876, width=1300)


def read(task: str, text: str, size: ImageDimensions) -> Any:
    kind = TASKS[task].answer
    return as_plain(parse_answer(text, kind), kind, untouched(size))


@pytest.mark.parametrize(
    ("task", "text", "boxes", "labels"),
    [
        (
            "<OD>",
            "</s><s><s><s>car<loc_53><loc_333><loc_933><loc_774>door<loc_712><loc_203><loc_906><loc_545>"
            "wheel<loc_704><loc_576><loc_866><loc_772><loc_149><loc_584><loc_310><loc_773></s><pad><pad>",
            [
                [34.24, 160.08, 597.44, 371.76],
                [456.00, 97.68, 580.16, 261.84],
                [450.88, 276.72, 554.56, 370.80],
                [95.68, 280.56, 198.72, 371.28],
            ],
            ["car", "door", "wheel", "wheel"],
        ),
        (
            "<REGION_PROPOSAL>",
            "</s><s><s><s><loc_52><loc_333><loc_932><loc_774><loc_711><loc_203><loc_905><loc_545></s>",
            [[33.60, 160.08, 596.80, 371.76], [455.36, 97.68, 579.52, 261.84]],
            ["", ""],
        ),
        (
            "<CAPTION_TO_PHRASE_GROUNDING>",
            "</s><s><s><s>A green car<loc_54><loc_330><loc_911><loc_780>"
            "a yellow building<loc_0><loc_8><loc_998><loc_635></s>",
            [[34.88, 158.64, 583.36, 374.64], [0.32, 4.08, 639.04, 305.04]],
            ["A green car", "a yellow building"],
        ),
    ],
)
def test_boxes(task: str, text: str, boxes: list[Any], labels: list[str]) -> None:
    answer = read(task, text, CAR)
    np.testing.assert_allclose(answer["bboxes"], boxes, rtol=1e-5)
    assert answer["labels"] == labels


def test_what_is_looked_for_with_a_vocabulary() -> None:
    text = "</s><s>wheels<loc_144><loc_570><loc_870><loc_778>wheels<loc_711><loc_573><loc_866><loc_774></s><pad>"
    answer = read("<OPEN_VOCABULARY_DETECTION>", text, CAR)
    assert [[int(value) for value in box] for box in answer["bboxes"]] == [[92, 273, 557, 373], [455, 275, 554, 371]]
    assert (answer["bboxes_labels"], answer["polygons"]) == (["wheels", "wheels"], [])


def test_an_outline_that_is_cut_off() -> None:
    text = "</s><s><loc_279><loc_379><loc_282><loc_379><loc_290><loc_372><loc_293><loc_372><loc_298><loc_368></s>"
    answer = read("<REFERRING_EXPRESSION_SEGMENTATION>", text, CAR)
    outline = [[[int(value) for value in one] for one in thing] for thing in answer["polygons"]]
    assert outline == [[[178, 182, 180, 182, 185, 178, 187, 178, 191, 176]]]
    assert answer["labels"] == [""]


def test_texts_in_quadrangles() -> None:
    text = (
        "</s><s><s><s>中新中<loc_533><loc_68><loc_653><loc_68><loc_653><loc_128><loc_533><loc_128>"
        "STOP<loc_177><loc_226><loc_345><loc_224><loc_345><loc_327><loc_177><loc_331></s>"
    )
    answer = read("<OCR_WITH_REGION>", text, STREET)
    expected = [[693, 60, 849, 60, 849, 112, 693, 112], [230, 198, 449, 196, 449, 286, 230, 290]]
    assert [[int(value) for value in quad] for quad in answer["quad_boxes"]] == expected
    assert answer["labels"] == ["中新中", "STOP"]


@pytest.mark.parametrize("task", ["<REGION_TO_CATEGORY>", "<REGION_TO_DESCRIPTION>"])
def test_the_region_is_repeated_behind_what_is_said_about_it(task: str) -> None:
    assert read(task, "car<loc_52><loc_332><loc_932><loc_774>", CAR) == "car"
