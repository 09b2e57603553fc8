"""What a model found in one image, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from inference_models.describe.plain import print_plain
from inference_models.describe.tables import as_text, open_console, print_table
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)
from inference_models.predictions.arrays import is_array, to_numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    Rows: TypeAlias = tuple[Sequence[str], list[Sequence[object]]]

_BEST_CLASSES = 5


def print_prediction(prediction: object, title: str = "", console: Console | None = None) -> None:
    """Print what a model found in one image: a table of boxes, classes or key points.

    A prediction of another type is shown as what its `to_dict()` says; anything else as text or `repr`.

    Args:
        prediction: of one image, of any kind; the parts of a tuple are printed one after the other, None is nothing.
        title: a line above it.
        console: where to print; default: stdout.
    """
    console = open_console(console)
    if isinstance(prediction, tuple) and any(isinstance(part, tuple(_TABLES)) for part in prediction):
        for part in prediction:
            if part is not None:
                print_prediction(part, title, console)
        return
    for kind, tabulate in _TABLES.items():
        if isinstance(prediction, kind):
            columns, rows = tabulate(prediction)
            counted = f"{title}: {_count(len(rows), _WHAT[kind])}" if title else ""
            if rows:
                print_table(console, counted, columns, rows)
            else:
                console.print(as_text(counted or f"no {_WHAT[kind][1]}", "bold"))
            return
    if title:
        console.print(as_text(title, "bold"))
    if hasattr(prediction, "to_dict"):
        print_plain(console, prediction.to_dict())
    else:
        console.print(as_text(_in_short(prediction)))


def _boxes(prediction: Detections) -> Rows:
    columns = ("class", ">confidence", ">left", ">top", ">right", ">bottom")
    boxes = prediction.to_numpy()
    return columns, [
        (name, f"{confidence:.3f}", *(f"{edge:.1f}" for edge in box))
        for name, confidence, box in zip(boxes.names, boxes.confidence, boxes.xyxy, strict=True)
    ]


def _key_points(prediction: KeyPoints) -> Rows:
    points = prediction.to_numpy()
    sure = points.detection_confidence
    return ("class", ">confidence", ">points", "positions (x y)"), [
        (
            name,
            "-" if sure is None else f"{sure[row]:.3f}",
            int((points.confidence[row] > 0).sum()),
            ", ".join(f"{x:.1f} {y:.1f}" for x, y in points.xy[row][points.confidence[row] > 0]),
        )
        for row, name in enumerate(points.names)
    ]


def _classes(prediction: ClassificationPrediction | MultiLabelClassificationPrediction) -> Rows:
    if isinstance(prediction, ClassificationPrediction):
        scores = [score for image in prediction.top_k(_BEST_CLASSES) for score in image]
    else:
        scores = list(prediction)
    return ("class", ">confidence"), [(score.class_name, f"{score.confidence:.3f}") for score in scores]


def _regions(prediction: SemanticSegmentationResult) -> Rows:
    return ("class", ">share", ">confidence"), [
        (
            row["class_name"] or row["class_id"],
            f"{100 * row['fraction']:.1f}%",
            "-" if row["confidence"] is None else f"{row['confidence']:.3f}",
        )
        for row in prediction.to_dict()["classes"]
    ]


_TABLES: dict[type[Any], Callable[[Any], Rows]] = {
    Detections: _boxes,
    KeyPoints: _key_points,
    ClassificationPrediction: _classes,
    MultiLabelClassificationPrediction: _classes,
    SemanticSegmentationResult: _regions,
}
_WHAT: dict[type[Any], tuple[str, str]] = {
    Detections: ("detection", "detections"),
    KeyPoints: ("instance", "instances"),
    ClassificationPrediction: ("class", "classes"),
    MultiLabelClassificationPrediction: ("label", "labels"),
    SemanticSegmentationResult: ("class", "classes"),
}


def _count(number: int, words: tuple[str, str]) -> str:
    return f"{number or 'no'} {words[0] if number == 1 else words[1]}"


def _in_short(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "\n".join(map(_in_short, value))
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"{type(value).__name__} of {' x '.join(map(str, shape))} {dtype}{_range_of(value)}"
    return repr(value)


def _range_of(value: object) -> str:
    """Return ", 0.5 to 3" for an array with finite numbers in it."""
    import numpy as np

    numbers = to_numpy(value)
    if not is_array(numbers) or numbers.dtype.kind not in "fiu":
        return ""
    known = numbers[np.isfinite(numbers)]
    return f", {known.min():.4g} to {known.max():.4g}" if known.size else ""
