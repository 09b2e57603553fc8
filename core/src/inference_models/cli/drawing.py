"""Copies of pictures with the predictions drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

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

    def draw(self, path: Path, image: Any, prediction: Any) -> Path:
        """Write the copy of one picture and return its path.

        Args:
            path: of the picture.
            image: the picture, (H, W, 3) uint8, blue-green-red.
            prediction: what to draw.

        Raises:
            InvalidParameterError: this kind of prediction cannot be drawn.
            click.FileError: the file cannot be written.
        """
        drawn = draw_prediction(self.supervision, image.copy(), prediction)
        target = self.targets[path]
        try:
            # Not cv2.imwrite: on Windows it cannot write to every path that Python can.
            target.write_bytes(opencv().imencode(".png", drawn)[1].tobytes())
        except OSError as error:
            raise click.FileError(str(target), error.strerror) from error
        return target


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
    if isinstance(prediction, (Detections, SemanticSegmentationResult)):
        return _draw_regions(sv, scene, prediction)
    if isinstance(prediction, KeyPoints):
        return _draw_key_points(sv, scene, prediction)
    if isinstance(prediction, (ClassificationPrediction, MultiLabelClassificationPrediction)):
        return _draw_classes(sv, scene, prediction)
    if is_array(prediction) and tuple(prediction.shape) == scene.shape[:2]:
        return _draw_depth(prediction)
    raise InvalidParameterError(
        f"--output draws boxes, masks, key points, classes and depth maps, but this model gives "
        f"{type(prediction).__name__!r}. Leave --output out."
    )


def _draw_regions(sv: Any, scene: Any, prediction: Detections | SemanticSegmentationResult) -> Any:
    size = _size(scene)
    thickness = sv.calculate_optimal_line_thickness(size)
    detections = prediction.to_supervision()
    if detections.mask is not None:
        scene = sv.MaskAnnotator().annotate(scene, detections)
    if isinstance(prediction, Detections):
        scene = sv.BoxAnnotator(thickness=thickness).annotate(scene, detections)
    labels = sv.LabelAnnotator(
        text_scale=sv.calculate_optimal_text_scale(size),
        text_thickness=thickness,
        text_padding=4,
        smart_position=True,  # inside the picture, and not one on the other
    )
    scores = zip(prediction.names, detections.confidence, strict=True)
    return labels.annotate(scene, detections, labels=[f"{name} {confidence:.2f}" for name, confidence in scores])


def _draw_key_points(sv: Any, scene: Any, prediction: KeyPoints) -> Any:
    thickness = sv.calculate_optimal_line_thickness(_size(scene))
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
    size = _size(scene)
    scale, line = sv.calculate_optimal_text_scale(size), sv.calculate_optimal_line_thickness(size)
    for row, score in enumerate(scores):
        text = f"{score.class_name} {score.confidence:.2f}"
        (width, height), _ = opencv().getTextSize(text, opencv().FONT_HERSHEY_SIMPLEX, scale, line)
        padding = max(height // 2, 2)
        centre = sv.Point(x=width / 2 + 2 * padding, y=(row + 0.5) * (height + 2 * padding) + padding)
        scene = sv.draw_text(
            scene=scene,
            text=text,
            text_anchor=centre,
            text_color=sv.Color.WHITE,
            background_color=sv.Color.BLACK,
            text_scale=scale,
            text_thickness=line,
            text_padding=padding,
        )
    return scene


def _draw_depth(depth: Any) -> Any:
    """Return the map in colours, (H, W, 3) uint8: dark for its smallest value, bright for its largest."""
    import numpy as np

    values = to_numpy(depth).astype(np.float64)
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    shades = np.where(known, values - low, 0) * (255 / (high - low) if high > low else 0)
    colors = opencv().applyColorMap(shades.round().astype(np.uint8), opencv().COLORMAP_INFERNO)
    colors[~known] = 0
    return colors


def _size(scene: Any) -> tuple[int, int]:
    """Return width and height, as supervision takes them."""
    return scene.shape[1], scene.shape[0]
