"""Copies of pictures with the predictions drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from attrs import frozen

from inference_models.cli.labels import Label, Style, draw_labels, write_rows
from inference_models.errors import InvalidParameterError
from inference_models.predictions import (
    ClassificationPrediction,
    Detections,
    KeyPoints,
    MultiLabelClassificationPrediction,
    SemanticSegmentationResult,
)
from inference_models.predictions.arrays import is_array, to_numpy
from inference_models.vision.requirements import opencv

_PURPOSE = "Drawing predictions (--output)"
_INSTALL = 'pip install "im-core[viz]"'
_CLASSES_WRITTEN = 5
_BACKGROUND = "background"


@frozen
class Written:
    """Files for one picture: the copy with the predictions drawn in, and a depth map's numbers, if it is one."""

    drawn: Path
    values: Path | None = None


@frozen
class Drawings:
    """Where the copy of each picture goes, and the library that draws (supervision)."""

    targets: Mapping[Path, Path]
    supervision: Any

    @classmethod
    def prepare(cls, directory: Path, images: Sequence[Path]) -> Drawings:
        """Check all that can be checked before a model is loaded.

        Raises:
            MissingDependencyError: supervision is not installed.
            click.FileError: the directory cannot be made.
        """
        from inference_models.predictions.optional import import_optional

        supervision = import_optional("supervision", purpose=_PURPOSE, install=_INSTALL)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.FileError(str(directory), error.strerror) from error
        return cls(choose_targets(directory, images), supervision)

    def write(self, path: Path, image: Any, prediction: Any) -> Written:
        """Write the copy of one picture, and the numbers of a depth map beside it, and return the paths.

        Args:
            path: of the picture.
            image: the picture, (H, W, 3) uint8, blue-green-red.
            prediction: what to draw.

        Raises:
            InvalidParameterError: this kind of prediction cannot be drawn.
            click.FileError: a file cannot be written.
        """
        drawn = draw_prediction(self.supervision, image.copy(), prediction)
        target = self.targets[path]
        try:
            # Not cv2.imwrite: on Windows it cannot write to every path that Python can.
            target.write_bytes(opencv().imencode(".png", drawn)[1].tobytes())
            if not is_array(prediction):
                return Written(target)
            target = target.with_suffix(".npy")
            np.save(target, to_numpy(prediction), allow_pickle=False)
        except OSError as error:
            raise click.FileError(str(target), error.strerror) from error
        return Written(self.targets[path], target)


def choose_targets(directory: Path, images: Sequence[Path]) -> dict[Path, Path]:
    """Return a file in `directory` for each picture: a different one for each, and none that is a picture itself."""
    # Some file systems take names that differ in case only for one.
    taken = {str(path.resolve()).casefold() for path in images}
    targets: dict[Path, Path] = {}
    for path in dict.fromkeys(images):
        number, target = 1, directory / f"{path.stem}-annotated.png"
        while str(target.resolve()).casefold() in taken:
            number += 1
            target = directory / f"{path.stem}-annotated-{number}.png"
        taken.add(str(target.resolve()).casefold())
        targets[path] = target
    return targets


def draw_prediction(sv: Any, scene: Any, prediction: Any) -> Any:
    """Return `scene` with the prediction drawn in: boxes, masks, key points or classes with names, or a depth map.

    A prediction of a type that only its plugin knows draws itself, if it has `annotate(picture) -> picture`.

    Args:
        sv: the module `supervision`.
        scene: (H, W, 3) uint8, blue-green-red; may be drawn on.
        prediction: of one image; a tuple of predictions is drawn last part first, None is nothing.

    Raises:
        InvalidParameterError: this kind of prediction cannot be drawn.
    """
    if isinstance(prediction, tuple):
        for part in reversed(prediction):
            scene = scene if part is None else draw_prediction(sv, scene, part)
        return scene
    if isinstance(prediction, Detections):
        return _draw_boxes(sv, scene, prediction)
    if isinstance(prediction, SemanticSegmentationResult):
        return _draw_pixels(sv, scene, prediction)
    if isinstance(prediction, KeyPoints):
        return _draw_key_points(sv, scene, prediction)
    if isinstance(prediction, (ClassificationPrediction, MultiLabelClassificationPrediction)):
        return _draw_classes(sv, scene, prediction)
    if is_array(prediction) and tuple(prediction.shape) == scene.shape[:2]:
        return _draw_depth(prediction)
    if callable(annotate := getattr(prediction, "annotate", None)):
        return _checked(annotate(scene), prediction)
    raise InvalidParameterError(
        f"--output draws boxes, masks, key points, classes, depth maps and what draws itself (annotate), but this "
        f"model gives {type(prediction).__name__!r}. Leave --output out."
    )


def _checked(drawn: Any, prediction: Any) -> Any:
    if getattr(drawn, "dtype", None) != np.uint8 or drawn.ndim != 3 or drawn.shape[2] != 3:
        kind = type(prediction)
        raise InvalidParameterError(
            f"{kind.__module__}.{kind.__qualname__}.annotate did not return a picture, (H, W, 3) uint8. Leave --output "
            f"out, and tell whoever publishes it."
        )
    return drawn


def _draw_boxes(sv: Any, scene: Any, prediction: Detections) -> Any:
    detections = prediction.to_supervision()
    if detections.mask is not None:
        scene = sv.MaskAnnotator().annotate(scene, detections)
    scene = sv.BoxAnnotator(thickness=Style.of(scene).line).annotate(scene, detections)
    scores = zip(prediction.names, detections.confidence, detections.class_id, strict=True)
    labels = [Label(f"{name} {confidence:.2f}", _color(sv, class_id)) for name, confidence, class_id in scores]
    return draw_labels(sv, scene, labels, detections.xyxy)


def _draw_pixels(sv: Any, scene: Any, prediction: SemanticSegmentationResult) -> Any:
    """Colour each class but the background, and list the names in the corner."""
    detections = prediction.to_supervision()
    shown = [row for row, name in enumerate(prediction.names) if name.casefold() != _BACKGROUND]
    scene = sv.MaskAnnotator().annotate(scene, detections[np.array(shown, np.intp)])
    labels = [
        Label(f"{prediction.names[row]} {detections.confidence[row]:.2f}", _color(sv, detections.class_id[row]))
        for row in shown
    ]
    return write_rows(sv, scene, labels)


def _draw_key_points(sv: Any, scene: Any, prediction: KeyPoints) -> Any:
    thickness = Style.of(scene).line
    for class_id, edges in enumerate(prediction.skeletons or ()):
        instances = prediction[to_numpy(prediction.class_id) == class_id]
        if edges and len(instances):
            counted = [(start + 1, end + 1) for start, end in edges]  # supervision counts points from 1
            annotator = sv.EdgeAnnotator(color=sv.Color.WHITE, thickness=thickness, edges=counted)
            scene = annotator.annotate(scene, instances.to_supervision())
    return sv.VertexAnnotator(radius=2 * thickness).annotate(scene, prediction.to_supervision())


def _draw_classes(
    sv: Any, scene: Any, prediction: ClassificationPrediction | MultiLabelClassificationPrediction
) -> Any:
    """Write the best classes, or all labels, from the top left corner downwards."""
    if isinstance(prediction, ClassificationPrediction):
        scores = [score for image in prediction.top_k(_CLASSES_WRITTEN) for score in image]
    else:
        scores = list(prediction)
    labels = [Label(f"{score.class_name} {score.confidence:.2f}", sv.Color.BLACK) for score in scores]
    return write_rows(sv, scene, labels)


def _draw_depth(depth: Any) -> Any:
    """Return the map in colours, (H, W, 3) uint8: dark for its smallest value, bright for its largest."""
    values = to_numpy(depth).astype(np.float64)
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    shades = np.where(known, values - low, 0) * (255 / (high - low) if high > low else 0)
    colors = opencv().applyColorMap(shades.round().astype(np.uint8), opencv().COLORMAP_INFERNO)
    colors[~known] = 0
    return colors


def _color(sv: Any, class_id: int) -> Any:
    """Return the colour that supervision gives a class."""
    return sv.ColorPalette.DEFAULT.by_idx(int(class_id))
