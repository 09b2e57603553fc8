"""Layouts of networks with non-maximum suppression of their own that are not a table of rows for each image.

`heads.EndToEndHead` reads that one, and these once they have been brought to its form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from attrs import frozen

from im_yolo.heads import DecodedBoxes, EndToEndHead, Floats, Shape, Threshold
from inference_models import CorruptedModelPackageError
from inference_models.developer_tools import as_like, as_numpy, library_of

_END_TO_END = EndToEndHead()
_COLUMNS = 7


@frozen
class FlatHead:
    """(boxes, 7): the boxes of all images in one table, each with the number of its image, from 0.

    Attributes:
        class_first: image, left, top, right, bottom, class id, score, as the exporters of YOLOv7 and v9 write for
            ONNX Runtime. Otherwise the score comes before the class id, as YOLO-NAS's exporter writes.
    """

    class_first: bool
    needs_nms: ClassVar[bool] = False
    output_count: ClassVar[int] = 1

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        return f"(boxes, 7): image, 4 box values, {'class id, score' if self.class_first else 'score, class id'}"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        return extra_count == 0 and len(shapes[0]) == 2 and shapes[0][1] in (_COLUMNS, None)

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`; `outputs` is one image's table, as `split_by_image` returns it.

        Raises:
            CorruptedModelPackageError: a class id is not one of the `class_count` there are.
        """
        (rows,) = outputs
        order = [1, 2, 3, 4, 6, 5] if self.class_first else [1, 2, 3, 4, 5, 6]
        return _END_TO_END.decode([rows[:, order]], threshold, class_count, extra_count)


@frozen
class CountedHead:
    """Four outputs: (batch, 1) numbers of boxes, (batch, boxes, 4) left, top, right, bottom, scores and class ids.

    TensorRT's EfficientNMS and exporters that follow it. Scores and class ids are (batch, boxes) each, in this order.
    Rows beyond an image's number of boxes are filling, whatever they hold.
    """

    needs_nms: ClassVar[bool] = False
    output_count: ClassVar[int] = 4

    def expected(self, class_count: int, extra_count: int) -> str:
        """See `DetectionHead.expected`."""
        return "(batch, 1) numbers of boxes, (batch, boxes, 4) box values, (batch, boxes) scores and as many class ids"

    def fits(self, shapes: Sequence[Shape], class_count: int, extra_count: int) -> bool:
        """See `DetectionHead.fits`."""
        numbers, boxes, scores, classes = shapes
        return (
            extra_count == 0
            and (len(numbers) == 1 or (len(numbers) == 2 and numbers[1] in (1, None)))
            and (len(boxes), len(scores), len(classes)) == (3, 2, 2)
            and boxes[2] in (4, None)
            and len({boxes[1], scores[1], classes[1]} - {None}) <= 1
        )

    def decode(
        self, outputs: Sequence[Floats], threshold: Threshold, class_count: int, extra_count: int
    ) -> DecodedBoxes:
        """See `DetectionHead.decode`.

        Raises:
            CorruptedModelPackageError: there are more boxes than rows, or a class id is not one of the `class_count`.
        """
        number, boxes, scores, classes = outputs
        count = _checked_index(number.reshape(1), len(scores) + 1, "the number of boxes of an image")[0]
        rows = library_of(boxes).column_stack([boxes[:count], scores[:count], classes[:count]])
        return _END_TO_END.decode([rows], threshold, class_count, extra_count)


def split_by_image(tables: Sequence[Floats], lengths: Sequence[int], sizes: Sequence[int]) -> Floats:
    """Return the rows of flat tables image by image.

    Done on the host also for tensors: it must know anyway how many there are of these few rows.

    Args:
        tables: of each run of the network (boxes, 7), see `FlatHead`.
        lengths: how many images of each run were asked for.
        sizes: how many images each run had, those included that filled it up.

    Returns:
        (N, m, 7) where the tables are, N the sum of `lengths`, m the number of boxes in the image with the most. Rows
        keep their order; those that fill up are 0.

    Raises:
        CorruptedModelPackageError: a row names an image that there is not.
    """
    images, rows, before = [], [], 0
    for table, length, size in zip(map(as_numpy, tables), lengths, sizes, strict=True):
        numbers = _checked_index(table[:, 0], size, "the number of an image")
        asked_for = numbers < length
        images.append(numbers[asked_for] + before)
        rows.append(table[asked_for])
        before += length
    image, row = np.concatenate(images), np.concatenate(rows)
    order = np.argsort(image, kind="stable")
    image, row = image[order], row[order]
    counts = np.bincount(image, minlength=before)
    places = np.arange(len(image)) - np.repeat(counts.cumsum() - counts, counts)
    result: Floats = np.zeros((before, counts.max(initial=0), _COLUMNS), row.dtype)
    result[image, places] = row
    spread: Floats = as_like(result, tables[0])
    return spread


def _checked_index(values: npt.NDArray[Any], length: int, what: str) -> npt.NDArray[np.intp]:
    library = library_of(values)
    wrong = ~((values == library.round(values)) & (values >= 0) & (values < length))  # true for NaN too
    if wrong.any():
        raise CorruptedModelPackageError(
            f"The network's output says {values[wrong][0]:g} where {what} is expected, a whole number below {length}. "
            f"Its outputs are laid out in another way than those of exports with fused NMS that are known; export the "
            f"model again without NMS, or with its exporter's own."
        )
    indices: npt.NDArray[np.intp] = library.asarray(values, dtype=library.int64)
    return indices
