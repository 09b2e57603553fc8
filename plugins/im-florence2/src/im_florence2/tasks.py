"""What Florence-2 was trained to do: its task tokens, the sentences they stand for, and the kinds of answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import frozen

from inference_models import InvalidParameterError, ModelInputError
from inference_models.developer_tools import describe_choices

AnswerKind: TypeAlias = Literal["text", "boxes", "quads", "polygons", "boxes or polygons"]
"""Text alone; boxes with or without labels; text in quadrangles; outlines; or what the network prefers."""

IMAGE_TOKEN = "<image>"
_LOCATION = re.compile(r"<loc_\d{1,3}>")


@frozen
class Task:
    """One of the tasks.

    Attributes:
        token: what users write, for example "<OD>".
        sentence: what the network reads; "{}" stands for the input.
        answer: what it answers with.
        needs: what must follow the token; None: nothing may.
    """

    token: str
    sentence: str
    answer: AnswerKind
    needs: Literal["text", "region"] | None = None


TASKS: Mapping[str, Task] = {
    task.token: task
    for task in (
        Task("<CAPTION>", "What does the image describe?", "text"),
        Task("<DETAILED_CAPTION>", "Describe in detail what is shown in the image.", "text"),
        Task("<MORE_DETAILED_CAPTION>", "Describe with a paragraph what is shown in the image.", "text"),
        Task("<OD>", "Locate the objects with category name in the image.", "boxes"),
        Task("<DENSE_REGION_CAPTION>", "Locate the objects in the image, with their descriptions.", "boxes"),
        Task("<REGION_PROPOSAL>", "Locate the region proposals in the image.", "boxes"),
        Task("<CAPTION_TO_PHRASE_GROUNDING>", "Locate the phrases in the caption: {}", "boxes", "text"),
        Task("<OPEN_VOCABULARY_DETECTION>", "Locate {} in the image.", "boxes or polygons", "text"),
        Task("<REFERRING_EXPRESSION_SEGMENTATION>", "Locate {} in the image with mask", "polygons", "text"),
        Task("<REGION_TO_SEGMENTATION>", "What is the polygon mask of region {}", "polygons", "region"),
        Task("<REGION_TO_CATEGORY>", "What is the region {}?", "text", "region"),
        Task("<REGION_TO_DESCRIPTION>", "What does the region {} describe?", "text", "region"),
        Task("<REGION_TO_OCR>", "What text is in the region {}?", "text", "region"),
        Task("<OCR>", "What is the text in the image?", "text"),
        Task("<OCR_WITH_REGION>", "What is the text in the image, with regions?", "quads"),
    )
}
"""The tasks by token. The sentences are those of transformers' processor."""

_TOKEN = re.compile("|".join(map(re.escape, TASKS)))


def find_task(token: str) -> Task:
    """Return a task by its token, with or without brackets, in any case. Raises: InvalidParameterError."""
    name = f"<{token.strip('<>').upper()}>" if isinstance(token, str) else ""
    if name not in TASKS:
        raise InvalidParameterError(f"Florence-2 has no task {token!r}. {describe_choices(str(token), sorted(TASKS))}")
    return TASKS[name]


def expand_prompt(prompt: str) -> str:
    """Return the sentence that the network is asked: a prompt as it is, or what its task token stands for.

    Raises:
        ModelInputError: a task token does not stand first, or what it needs does not follow it.
    """
    if IMAGE_TOKEN in prompt:
        raise ModelInputError(
            f"A prompt must not hold {IMAGE_TOKEN}, which stands for the image itself: {_shown(prompt)}. Leave it out."
        )
    found = _TOKEN.search(prompt)
    if found is None:
        return prompt
    task, before, rest = TASKS[found[0]], prompt[: found.start()].strip(), prompt[found.end() :].strip()
    if before or _TOKEN.search(rest):
        raise ModelInputError(
            f"A prompt holds one task token and begins with it: {_shown(prompt)}. Ask for one task at a time."
        )
    if task.needs is None and rest:
        raise ModelInputError(f"Nothing may follow {task.token} in a prompt, got {_shown(prompt)}.")
    if task.needs == "text" and not rest:
        raise ModelInputError(f"{task.token} needs a text after it that says what to look for.")
    if task.needs == "region" and (_LOCATION.sub("", rest) or len(_LOCATION.findall(rest)) != 4):
        raise ModelInputError(
            f"{task.token} needs a region: four location tokens such as <loc_0><loc_0><loc_499><loc_499>, got "
            f"{_shown(prompt)}. Methods such as `segment_region` make them of a box in pixels."
        )
    return task.sentence.replace("{}", rest)


def _shown(prompt: str) -> str:
    return repr(prompt if len(prompt) <= 80 else f"{prompt[:77]}...")
