from __future__ import annotations

from typing import Any

import pytest

from im_florence2.model import Florence2
from im_florence2.tasks import TASKS, expand_prompt, find_task
from inference_models import InvalidParameterError, ModelInputError

REGION = "<loc_10><loc_20><loc_500><loc_999>"
INPUTS = {None: "", "text": "a red car", "region": REGION}
KINDS = {
    "pure_text": "text",
    "description_with_bboxes": "boxes",
    "phrase_grounding": "boxes",
    "bboxes": "boxes",
    "polygons": "polygons",
    "description_with_bboxes_or_polygons": "boxes or polygons",
    "ocr": "quads",
}


def test_the_tasks_are_those_of_transformers(tiny: Florence2) -> None:
    processor: Any = tiny._package.processor
    assert set(TASKS) == set(processor.tasks_answer_post_processing_type)
    for token, task in TASKS.items():
        assert KINDS[processor.tasks_answer_post_processing_type[token]] == task.answer
        prompt = token + INPUTS[task.needs]
        assert [expand_prompt(prompt)] == processor._construct_prompts(prompt)


@pytest.mark.parametrize("prompt", ["", "Describe the image contents", "<FOO> bar", "a {} b", "{0}", "1 < 2 > 0"])
def test_a_prompt_without_a_task_stays_as_it_is(prompt: str) -> None:
    assert expand_prompt(prompt) == prompt


def test_braces_in_a_phrase_are_text() -> None:
    assert (
        expand_prompt("<CAPTION_TO_PHRASE_GROUNDING>a {0} {x} {}") == "Locate the phrases in the caption: a {0} {x} {}"
    )


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("<OD> of cats", "Nothing may follow <OD>"),
        ("find <OD>", "begins with it"),
        ("<OD><CAPTION>", "one task at a time"),
        ("<CAPTION_TO_PHRASE_GROUNDING>  ", "needs a text after it"),
        ("<CAPTION_TO_PHRASE_GROUNDING><OCR>", "one task at a time"),
        ("<REGION_TO_CATEGORY>", "needs a region: four location tokens"),
        ("<REGION_TO_CATEGORY>the left half", "needs a region"),
        ("<REGION_TO_CATEGORY><loc_1><loc_2><loc_3>", "needs a region"),
        (f"<REGION_TO_CATEGORY>{REGION}<loc_4>", "needs a region"),
        ("<REGION_TO_OCR><loc_1><loc_2><loc_3><loc_4567>", "needs a region"),
        ("two <image> tokens", "must not hold <image>"),
    ],
)
def test_prompts_that_make_no_sense(prompt: str, said: str) -> None:
    with pytest.raises(ModelInputError, match=said):
        expand_prompt(prompt)


@pytest.mark.parametrize("token", ["<OD>", "od", "Od", "<od>"])
def test_a_task_is_found_by_its_token(token: str) -> None:
    assert find_task(token).token == "<OD>"


@pytest.mark.parametrize("token", ["<ODD>", "", 3, None])
def test_a_task_that_does_not_exist(token: Any) -> None:
    with pytest.raises(InvalidParameterError, match="has no task"):
        find_task(token)
