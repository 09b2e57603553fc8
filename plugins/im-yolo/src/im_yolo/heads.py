"""How networks lay out what they found. One class per layout; every YOLO version with that layout shares it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import cxcywh_to_xyxy, select_candidates

Floats = npt.NDArray[np.floating[Any]]


@frozen
class DecodedBoxes:
    """What one image's output says before overlapping boxes are dropped, n boxes.

    Attributes:
        xyxy: (n, 4) float32 left, top, right, bottom in pixels of the network's input.
        scores: (n,) float32.
        class_ids: (n,).
    """

    xyxy: Floats
    scores: Floats
    class_ids: npt.NDArray[np.intp]


class DetectionHead(Protocol):
    """The layout of a detection network's output."""

    def check(self, shape: tuple[int | None, ...], classes: int) -> None:
        """Raise CorruptedModelPackageError unless an output of `shape` can hold `classes` classes.

        None in `shape` stands for a size that is not known yet.
        """

    def decode(self, output: Floats, threshold: float | npt.NDArray[np.float32]) -> DecodedBoxes:
        """Return the boxes of one image whose score is strictly above `threshold`.

        Args:
            output: the network's output for the image, without the batch axis.
            threshold: one for all classes, or (classes,) with one for each.
        """


@frozen
class AnchorFreeHead:
    """(batch, 4 + classes, anchors): rows of centre x, centre y, width, height, then one score per class.

    YOLOv8's export without fused NMS. Scores are probabilities already (the sigmoid is part of the network).
    """

    def check(self, shape: tuple[int | None, ...], classes: int) -> None:
        """See `DetectionHead.check`."""
        expected = f"(batch, {4 + classes}, anchors): 4 box values and {classes} class scores, as class_names.txt names"
        if len(shape) != 3:
            raise CorruptedModelPackageError(
                f"The network's output has shape {_shown(shape)}, expected {expected}. "
                f"Export the model without fused NMS, as its architecture's plain output."
            )
        rows = shape[1]
        if rows is not None and rows != 4 + classes:
            turned = " The axes are the other way round." if shape[2] == 4 + classes else ""
            raise CorruptedModelPackageError(
                f"The network's output has shape {_shown(shape)}, which is {rows - 4} classes, expected {expected}."
                f"{turned} Put the class_names.txt that the network was trained with into the package (a blank line "
                f"before the last name counts as a class), or export the model again."
            )

    def decode(self, output: Floats, threshold: float | npt.NDArray[np.float32]) -> DecodedBoxes:
        """See `DetectionHead.decode`. Boxes with infinite or undefined coordinates are dropped."""
        found = select_candidates(output[4:], threshold)
        boxes = output[:4, found.anchors].T
        finite = np.isfinite(boxes).all(axis=1)
        return DecodedBoxes(cxcywh_to_xyxy(boxes[finite]), found.scores[finite], found.class_ids[finite])


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"
