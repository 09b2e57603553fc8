"""The environment variables of this plugin: what is generated when a call does not say."""

from __future__ import annotations

from inference_models.developer_tools import Variable, parse_flag


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise ValueError("a whole number of at least 1")
    return int(text)


MAX_NEW_TOKENS = Variable(
    name="INFERENCE_MODELS_FLORENCE2_DEFAULT_MAX_NEW_TOKENS",
    default=4096,
    parse=_count,
    description="How many tokens Florence-2 generates at most when a call does not say.",
)
NUM_BEAMS = Variable(
    name="INFERENCE_MODELS_FLORENCE2_DEFAULT_NUM_BEAMS",
    default=3,
    parse=_count,
    description="How many continuations Florence-2 follows at a time when a call does not say.",
)
DO_SAMPLE = Variable(
    name="INFERENCE_MODELS_FLORENCE2_DEFAULT_DO_SAMPLE",
    default=False,
    parse=parse_flag,
    description="Whether Florence-2 draws its tokens at random when a call does not say.",
)
