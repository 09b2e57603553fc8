"""Telling a network's outputs apart: boxes, class scores, and masks or key points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import Array

__all__ = ["RawResults", "Roles", "find_roles"]

Shape: TypeAlias = Sequence[int | None]

# As the rf-detr project and transformers name them.
_BOXES, _LOGITS = ("dets", "pred_boxes"), ("labels", "logits", "pred_logits")
VALUES_PER_POINT = 8  # x, y, findable, visible, three of the precision, class


@frozen
class Roles:
    """The names of a network's outputs.

    Attributes:
        boxes: (batch, queries, 4) centre x, centre y, width, height in shares of the picture.
        logits: (batch, queries, classes) scores before the logistic function.
        extra: (batch, queries, ...) masks or key points; None for detection.
    """

    boxes: str
    logits: str
    extra: str | None = None


@frozen
class RawResults:
    """What the network gave for N images, N first: arrays, or tensors on the network's device.

    Attributes:
        boxes: (N, queries, 4) centre x, centre y, width, height in shares of the picture.
        logits: (N, queries, classes).
        extra: (N, queries, height, width) mask logits or (N, queries, slots, 8) key points; None for detection.
    """

    boxes: Array
    logits: Array
    extra: Array | None = None

    @classmethod
    def by_role(cls, outputs: Mapping[str, Array], roles: Roles) -> RawResults:
        """Return the outputs in their roles."""
        return cls(outputs[roles.boxes], outputs[roles.logits], None if roles.extra is None else outputs[roles.extra])


def find_roles(shapes: Mapping[str, Shape], *, needs: str | None) -> Roles:
    """Return which output is which, by name where they have the usual ones, else by shape.

    Args:
        shapes: of the outputs, by name; None where a length is free.
        needs: what a fourth axis means for the task, "masks" or "key points"; None: the task does without.

    Raises:
        CorruptedModelPackageError: the outputs are not those of the task. The message lists them.
    """
    flat = [name for name, shape in shapes.items() if len(shape) == 3]
    deep = [name for name, shape in shapes.items() if len(shape) == 4]
    boxes = [name for name in flat if name in _BOXES] or [name for name in flat if shapes[name][-1] in (4, None)]
    logits = [name for name in flat if name in _LOGITS] or [name for name in flat if name not in boxes[:1]]
    if len(flat) != 2 or not boxes or boxes[:1] == logits[:1] or (needs is not None and len(deep) != 1):
        raise _wrong(shapes, needs)
    if shapes[boxes[0]][-1] not in (4, None) or shapes[boxes[0]][1] != shapes[logits[0]][1]:
        raise _wrong(shapes, needs)
    return Roles(boxes[0], logits[0], deep[0] if needs is not None else None)


def _wrong(shapes: Mapping[str, Any], needs: str | None) -> CorruptedModelPackageError:
    found = ", ".join(
        f"{name} ({', '.join('?' if size is None else str(size) for size in shape)})" for name, shape in shapes.items()
    )
    extra = f" and (batch, queries, ..., ...) for {needs}" if needs else ""
    return CorruptedModelPackageError(
        f"The network's outputs are {found or 'none'}; expected (batch, queries, 4) for boxes, (batch, queries, "
        f"classes) for scores{extra}. Export the model again, or correct task_type."
    )
