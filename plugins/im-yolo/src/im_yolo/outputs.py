"""Telling a network's outputs apart by their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations

from attrs import frozen

from im_yolo.heads import DetectionHead, Shape
from inference_models import CorruptedModelPackageError

PROTOTYPES = None
"""As `extra_count`: as many columns as the network's 4-dimensional output, the mask prototypes, has channels."""


def find_prototypes(shapes: Sequence[Shape]) -> int:
    """Return the place of the only output with four axes.

    Raises:
        CorruptedModelPackageError: there is none, or more than one.
    """
    places = [place for place, shape in enumerate(shapes) if len(shape) == 4]
    if len(places) != 1:
        raise CorruptedModelPackageError(
            f"The network's outputs have the shape {_listed(shapes)}; expected exactly one with four axes, "
            f"(batch, coefficients, height, width): the prototypes that masks are made of. Export the model for "
            f"instance segmentation, or correct task_type if it is a detector."
        )
    return places[0]


def check_shapes(
    heads: tuple[DetectionHead, ...], shapes: tuple[Shape, ...], class_names: Sequence[str], extra_count: int | None
) -> None:
    """Raise CorruptedModelPackageError unless a head fits, as far as the shapes are known."""
    if extra_count is PROTOTYPES and shapes[find_prototypes(shapes)][1] is None:
        return  # known when the network runs
    tell_apart(heads, shapes, len(class_names), extra_count)


@frozen
class Roles:
    """Which of a network's outputs is what.

    Attributes:
        head: the layout of the boxes.
        boxes: the places of the outputs that the head reads, in its order.
        extra_count: how many columns follow the classes.
        prototypes: the place of the mask prototypes; None where the network has none.
    """

    head: DetectionHead
    boxes: tuple[int, ...]
    extra_count: int
    prototypes: int | None


@lru_cache(maxsize=128)  # the shapes are the same in every call, or nearly so
def tell_apart(
    heads: tuple[DetectionHead, ...], shapes: tuple[Shape, ...], class_count: int, extra_count: int | None
) -> Roles:
    """Return which output is what.

    Args:
        heads: the layouts that the boxes may have.
        shapes: of the outputs.
        class_count: how many classes the network knows.
        extra_count: how many columns follow the classes, or `PROTOTYPES`.

    Raises:
        CorruptedModelPackageError: the outputs are not those of any of the heads.
    """
    prototypes = find_prototypes(shapes) if extra_count is PROTOTYPES else None
    count = extra_count or 0 if prototypes is None else shapes[prototypes][1] or 0
    head, places = choose_head(heads, shapes, class_count, count)
    return Roles(head, places, count, prototypes)


def choose_head(
    heads: tuple[DetectionHead, ...], shapes: tuple[Shape, ...], class_count: int, extra_count: int
) -> tuple[DetectionHead, tuple[int, ...]]:
    """Return the first head that fits, and which outputs it reads, in its order.

    Raises:
        CorruptedModelPackageError: none fits.
    """
    for head in heads:
        for places in permutations(range(len(shapes)), head.output_count):
            if head.fits([shapes[place] for place in places], class_count, extra_count):
                return head, places
    expected = ", or ".join(head.expected(class_count, extra_count) for head in heads)
    raise CorruptedModelPackageError(
        f"The network's outputs have the shape {_listed(shapes)}; expected {expected}. Put the class_names.txt "
        f"that the network was trained with into the package (a blank line before the last name counts as a class), "
        f"set post_processing.fused in inference_config.json to whether NMS is part of the network, or export the "
        f"model again."
    )


def _listed(shapes: Sequence[Shape]) -> str:
    return ", ".join(f"({', '.join('?' if size is None else str(size) for size in shape)})" for shape in shapes)
