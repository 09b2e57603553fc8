"""How networks lay out what they found. One class per layout; every YOLO version with that layout shares it.

Outputs are arrays, or tensors on the network's device; each layout is read by the same lines in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import frozen

from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import cxcywh_to_xyxy, indices_where, library_of, select_candidates

Floats = npt.NDArray[np.floating[Any]]
Threshold: TypeAlias = float | npt.NDArray[np.float32]
Shape: TypeAlias = tuple[int | None, ...]
"""None stands for a size that is not known yet."""


@frozen
class DecodedBoxes:
    """What one image's output says, n boxes; arrays or tensors, as the output was.

    Attributes:
        xyxy: (n, 4) float32 left, top, right, bottom in pixels of the network's input.
        scores: (n,) float32.
        class_ids: (n,).
        extras: (n, k) float32, the columns after the classes: mask coefficients or key points; None where k is 0.
    """

    xyxy: Floats
    scores: Floats
    class_ids: npt.NDArray[np.intp]
    extras: Floats | None = None

    def take(self, indices: npt.NDArray[np.intp]) -> DecodedBoxes:
        """Return some of the boxes, in the order of `indices`."""
        extras = None if self.extras is None else self.extras[indices]
        return DecodedBoxes(self.xyxy[indices], self.scores[indices], self.class_ids[indices], extras)


class DetectionHead(Protocol):
    """The layout of a network's boxes.

    Attributes:
        needs_nms: whether overlapping boxes are still to be dropped.
        output_count: how many of the network's outputs it reads.
    """

    needs_nms: ClassVar[bool]
    output_count: ClassVar[int]

    def expected(self, class_count: int, extra_count: int) -> str:
        """Return the layout in words, for messages."""

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """Return whether outputs of these shapes, batch axis included, can hold so many classes and extra columns."""

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """Return the boxes of one image whose score is strictly above `threshold`, in the network's order.

        Boxes with infinite or undefined coordinates, and undefined scores, are dropped.

        Args:
            outputs: the network's `output_count` outputs for the image, without the batch axis.
            threshold: one for all classes, or (classes,) with one for each.
            class_count: how many classes there are.
            extra_count: how many columns follow the classes.
        """


@frozen
class AnchorFreeHead:
    """(batch, 4 + classes + extras, anchors): centre x, centre y, width, height, class scores, extras.

    YOLOv8, v9, v11 and v12 without fused NMS. Scores are probabilities already (the sigmoid is part of the network).
    An export whose last two axes are the other way round is read too.
    """

    needs_nms: ClassVar[bool] = True
    output_count: ClassVar[int] = 1

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        columns = 4 + class_count + extra_count
        return f"(batch, {columns}, anchors): {_columns('4 box values', class_count, extra_count)}"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        return len(shapes[0]) == 3 and _may_be(4 + class_count + extra_count, shapes[0][1:])

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`."""
        (output,) = outputs
        rows = output if len(output) == 4 + class_count + extra_count else output.T
        found = select_candidates(rows[4 : 4 + class_count], threshold)
        boxes = DecodedBoxes(
            _corners(_gathered(rows[:4], found.anchors)),
            found.scores,
            found.class_ids,
            _gathered(rows[4 + class_count :], found.anchors) if extra_count else None,
        )
        return _only_finite(boxes)


@frozen
class ObjectnessHead:
    """(batch, anchors, 5 + classes + extras): centre x, centre y, width, height, objectness, class scores, extras.

    YOLOv5 and v7 without fused NMS. Objectness decides which boxes are kept; a box's score is that of its best class.
    An export whose last two axes are the other way round is read too.
    """

    needs_nms: ClassVar[bool] = True
    output_count: ClassVar[int] = 1

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        columns = 5 + class_count + extra_count
        return f"(batch, anchors, {columns}): {_columns('4 box values, 1 objectness score', class_count, extra_count)}"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        return len(shapes[0]) == 3 and _may_be(5 + class_count + extra_count, shapes[0][1:])

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`; `threshold` is compared with objectness."""
        (output,) = outputs
        library = library_of(output)
        anchors = output if output.shape[1] == 5 + class_count + extra_count else output.T
        lowest = threshold if isinstance(threshold, float) else threshold.min()
        candidates = anchors[anchors[:, 4] > lowest]
        classes = candidates[:, 5 : 5 + class_count]
        class_ids = classes.argmax(axis=1)
        boxes = DecodedBoxes(
            _corners(candidates[:, :4]),
            library.amax(classes, axis=1),  # NaN where one of them is
            class_ids,
            candidates[:, 5 + class_count :] if extra_count else None,
        )
        passing = ~library.isnan(boxes.scores)
        if not isinstance(threshold, float):
            passing &= candidates[:, 4] > threshold[class_ids]
        return _only_finite(boxes.take(indices_where(passing)))


@frozen
class EndToEndHead:
    """(batch, detections, 6 + extras): left, top, right, bottom, score, class id, extras.

    YOLOv10, YOLO26 and every export with fused NMS: the network has dropped overlapping boxes itself. Rows that it
    fills up with have score 0, which is never above a threshold.
    """

    needs_nms: ClassVar[bool] = False
    output_count: ClassVar[int] = 1

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        extras = f", {extra_count} further values" if extra_count else ""
        return f"(batch, detections, {6 + extra_count}): 4 box values, 1 score, 1 class id{extras}"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        return len(shapes[0]) == 3 and shapes[0][2] in (6 + extra_count, None)

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`.

        Raises:
            CorruptedModelPackageError: a class id is not one of the `class_count` there are.
        """
        (output,) = outputs
        lowest = threshold if isinstance(threshold, float) else threshold.min()
        rows = output[output[:, 4] > lowest]
        rows = rows[library_of(rows).isfinite(rows[:, :6]).all(axis=1)]
        class_ids = _checked_class_ids(rows[:, 5], class_count)
        boxes = DecodedBoxes(rows[:, :4], rows[:, 4], class_ids, rows[:, 6:] if extra_count else None)
        if isinstance(threshold, float):
            return boxes
        return boxes.take(indices_where(boxes.scores > threshold[class_ids]))


@frozen
class SplitHead:
    """(batch, anchors, 4) left, top, right, bottom and (batch, anchors, classes) scores: YOLO-NAS."""

    needs_nms: ClassVar[bool] = True
    output_count: ClassVar[int] = 2

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        return f"(batch, anchors, 4) box values and (batch, anchors, {class_count}) class scores"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        boxes, scores = shapes
        return (
            extra_count == 0
            and len(boxes) == len(scores) == 3
            and boxes[2] in (4, None)
            and scores[2] in (class_count, None)
            and (boxes[1] == scores[1] or None in (boxes[1], scores[1]))
        )

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`."""
        boxes, scores = outputs
        found = select_candidates(scores.T, threshold)
        return _only_finite(DecodedBoxes(boxes[found.anchors], found.scores, found.class_ids))


def _columns(before: str, class_count: int, extra_count: int) -> str:
    extras = f", {extra_count} further values" if extra_count else ""
    return f"{before}, {class_count} class scores, as class_names.txt names{extras}"


def _may_be(columns: int, axes: Shape) -> bool:
    """Return whether one of the axes has or may have that size."""
    return columns in axes or None in axes


def _gathered(rows: Floats, anchors: npt.NDArray[np.intp]) -> Floats:
    """Return the values of n anchors as (n, rows), in the order in which they lie in memory."""
    if isinstance(rows, np.ndarray) and rows.flags.c_contiguous:
        return rows.take(anchors, axis=1).T
    return rows.T[anchors]


def _corners(boxes: Floats) -> Floats:
    with np.errstate(all="ignore"):  # what is undefined, or becomes so, is dropped by the caller
        return cxcywh_to_xyxy(boxes)


def _only_finite(boxes: DecodedBoxes) -> DecodedBoxes:
    finite = library_of(boxes.xyxy).isfinite(boxes.xyxy)
    return boxes if finite.all() else boxes.take(indices_where(finite.all(axis=1)))


def _checked_class_ids(column: Floats, class_count: int) -> npt.NDArray[np.intp]:
    library = library_of(column)
    wrong = (column != library.round(column)) | (column < 0) | (column >= class_count)
    if wrong.any():
        raise CorruptedModelPackageError(
            f"The network's output names class {column[wrong][0]:g}, expected a whole number below {class_count}, as "
            f"class_names.txt names: its columns must be left, top, right, bottom, score, class id. Put the "
            f"class_names.txt that the network was trained with into the package, or export the model again."
        )
    class_ids: npt.NDArray[np.intp] = library.asarray(column, dtype=library.int64)
    return class_ids
