"""The names of classes that go with a training checkpoint, which holds none or its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference_models import InvalidParameterError

__all__ = ["COCO", "choose_labels"]

# COCO's categories are numbered from 1 to 90 with gaps, and so are the scores of networks trained on it.
_COCO_NAMES = (
    ",person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,,backpack,umbrella,,,handbag,"
    "tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,,dining table,,,toilet,,tv,laptop,mouse,remote,"
    "keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,,book,clock,vase,scissors,teddy bear,"
    "hair drier,toothbrush"
)
COCO = tuple(_COCO_NAMES.split(","))
"""The names of COCO's categories by their number, from 0 to 90; "" where there is none."""


def choose_labels(labels: Sequence[str] | str | None, said: object, columns: int) -> tuple[str, ...]:
    """Return the names of the network's classes, indexed by its ids.

    Args:
        labels: what the user says: names, "coco", or None.
        said: the names in the checkpoint, if it holds any.
        columns: how many scores the network has: one for each class, and often one for the background.

    Raises:
        InvalidParameterError: nobody says, `labels` are no names, or they are not as many as the network has.
    """
    given: Any = labels
    if given is None:
        given = said if _are_names(said) else None
        if given is None:
            raise InvalidParameterError(
                f"The checkpoint does not say what its {columns} classes are called. Pass labels=[...], in the order "
                f'of training, or labels="coco" for a network trained on COCO.'
            )
    elif isinstance(given, str):
        if given != "coco":
            raise InvalidParameterError(f'labels= takes a list of names, or "coco", not {given!r}.')
        given = COCO
    if not _are_names(given):
        raise InvalidParameterError(f'labels= takes a list of names, or "coco", not {given!r:.80}.')
    if len(given) not in (columns - 1, columns):
        raise InvalidParameterError(
            f"There are {len(given)} labels, expected {columns - 1}, or {columns} with one for the background: the "
            f"checkpoint's network scores {columns} classes."
        )
    return tuple(given)


def _are_names(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(name, str) for name in value)
