"""What the network said, in pixels of the source image: plain values, boxes, boxes with masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from im_florence2.answers import Answer, Located
from im_florence2.masks import Outlines, fill, run_lengths
from im_florence2.places import Floats, boxes_in_source, points_in_source
from im_florence2.tasks import AnswerKind
from inference_models import Detections, InstanceDetections, InstanceSegmentationMaskFormat, InstancesRLEMasks
from inference_models.developer_tools import ImageDimensions, PreProcessingMetadata, as_kind


def as_plain(answer: Answer, kind: AnswerKind, metadata: PreProcessingMetadata) -> str | dict[str, Any]:
    """Return an answer as plain values: a text, or places with labels as transformers' processor returns them."""
    if kind == "text":
        return answer.text
    boxes = boxes_in_source([box.places[0] for box in answer.boxes], metadata).tolist()
    outlines = [[_flat(one, metadata) for one in thing.places] for thing in answer.outlines]
    if kind == "boxes":
        return {"bboxes": boxes, "labels": _labels(answer.boxes)}
    if kind == "quads":
        quads = [_flat(quad.places[0], metadata) for quad in answer.quads]
        return {"quad_boxes": quads, "labels": _labels(answer.quads)}
    if kind == "polygons":
        return {"polygons": outlines, "labels": _labels(answer.outlines)}
    return {
        "bboxes": boxes,
        "bboxes_labels": _labels(answer.boxes),
        "polygons": outlines,
        "polygons_labels": _labels(answer.outlines),
    }


def as_detections(
    things: Sequence[Located], metadata: PreProcessingMetadata, classes: Sequence[str] | None = None
) -> Detections:
    """Return things in boxes.

    Args:
        things: with one box each.
        metadata: how the image was prepared.
        classes: what was looked for: class ids index it, and are its length for what is none of it. None: all are 0.
    """
    boxes = boxes_in_source([thing.places[0] for thing in things], metadata)
    return _in_kind(boxes, things, metadata, classes)


def as_texts(quads: Sequence[Located], metadata: PreProcessingMetadata) -> Detections:
    """Return texts in the boxes around their quadrangles, which are in `bboxes_metadata` as "polygon"."""
    corners = [points_in_source(quad.places[0], metadata) for quad in quads]
    more = [{"polygon": points.tolist()} for points in corners]
    return _in_kind(_around(corners), quads, metadata, None, more)


def as_instances(
    things: Sequence[Located],
    metadata: PreProcessingMetadata,
    label: str | None,
    mask_format: InstanceSegmentationMaskFormat,
) -> InstanceDetections:
    """Return things with outlines as masks at the size of the source image, and the boxes around them.

    Args:
        things: with outlines.
        metadata: how the image was prepared.
        label: what all of them are called; None: no names are known.
        mask_format: "dense" or "rle".
    """
    size = metadata.original_size
    outlines = [[points_in_source(one, metadata) for one in thing.places] for thing in things]
    boxes = _around([np.concatenate(parts) for parts in outlines])
    labelled = [Located(label or "", thing.places) for thing in things]
    found = _in_kind(boxes, labelled, metadata, None)
    return InstanceDetections(
        xyxy=found.xyxy,
        class_id=found.class_id,
        confidence=found.confidence,
        mask=_encoded(outlines, size) if mask_format == "rle" else _like(_filled(outlines, size), metadata),
        bboxes_metadata=None if label is None else found.bboxes_metadata,
    )


def _encoded(things: Sequence[Outlines], size: ImageDimensions) -> InstancesRLEMasks:
    masks = [run_lengths(outlines, size.height, size.width) for outlines in things]
    return InstancesRLEMasks((size.height, size.width), masks)


def _filled(things: Sequence[Outlines], size: ImageDimensions) -> npt.NDArray[np.bool_]:
    masks = np.zeros((len(things), size.height, size.width), np.bool_)
    for mask, outlines in zip(masks, things, strict=True):
        fill(mask, outlines)
    return masks


def _in_kind(
    boxes: Floats,
    things: Sequence[Located],
    metadata: PreProcessingMetadata,
    classes: Sequence[str] | None,
    more: Sequence[dict[str, Any]] | None = None,
) -> Detections:
    ids = np.zeros(len(things), np.int32)
    if classes is not None:
        known = {_comparable(name): number for number, name in reversed(list(enumerate(classes)))}
        ids[:] = [known.get(_comparable(thing.label), len(classes)) for thing in things]
    rows = [
        {"class_name": thing.label, **extra} for thing, extra in zip(things, more or [{}] * len(things), strict=True)
    ]
    return Detections(
        xyxy=_like(boxes, metadata),
        class_id=_like(ids, metadata),
        confidence=_like(np.ones(len(things), np.float32), metadata),
        class_names=None if classes is None else tuple(classes),
        bboxes_metadata=rows,
    )


def _like(values: npt.NDArray[Any], metadata: PreProcessingMetadata) -> Any:
    """Return an array in the library of the image, and where that was."""
    return as_kind(values, metadata.array_kind, metadata.device)


def _around(outlines: Sequence[Floats]) -> Floats:
    boxes = np.zeros((len(outlines), 4), np.float32)
    for box, points in zip(boxes, outlines, strict=True):
        box[:2], box[2:] = points.min(axis=0), points.max(axis=0)
    return boxes


def _flat(numbers: Sequence[int], metadata: PreProcessingMetadata) -> list[float]:
    flat: list[float] = points_in_source(numbers, metadata).reshape(-1).tolist()
    return flat


def _labels(things: Sequence[Located]) -> list[str]:
    return [thing.label for thing in things]


def _comparable(label: str) -> str:
    return " ".join(label.casefold().split())
