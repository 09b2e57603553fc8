"""Copies of pictures with the predictions drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from inference_models.errors import InvalidParameterError
from inference_models.predictions import Detections, KeyPoints, SemanticSegmentationResult

_PURPOSE = "Drawing predictions (--output)"
_INSTALL = 'pip install "im-core[viz]"'


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
        from inference_models.vision.requirements import opencv

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
    """Return `scene` with the prediction drawn in: boxes, masks or key points, with names.

    Args:
        sv: the module `supervision`.
        scene: (H, W, 3) uint8, blue-green-red; may be drawn on.
        prediction: of one image.

    Raises:
        InvalidParameterError: this kind of prediction cannot be drawn.
    """
    height, width = scene.shape[:2]
    thickness = sv.calculate_optimal_line_thickness((width, height))
    if isinstance(prediction, KeyPoints):
        return sv.VertexAnnotator(radius=2 * thickness).annotate(scene, prediction.to_supervision())
    if not isinstance(prediction, (Detections, SemanticSegmentationResult)):
        raise InvalidParameterError(
            f"--output draws boxes, masks and key points, but this model gives {type(prediction).__name__!r}. "
            f"Leave --output out."
        )
    detections = prediction.to_supervision()
    if detections.mask is not None:
        scene = sv.MaskAnnotator().annotate(scene, detections)
    if isinstance(prediction, Detections):
        scene = sv.BoxAnnotator(thickness=thickness).annotate(scene, detections)
    labels = sv.LabelAnnotator(
        text_scale=sv.calculate_optimal_text_scale((width, height)),
        text_thickness=thickness,
        text_padding=4,
        smart_position=True,  # inside the picture, and not one on the other
    )
    return labels.annotate(scene, detections, labels=_labels(prediction, detections))


def _labels(prediction: Detections | SemanticSegmentationResult, detections: Any) -> list[str]:
    scores = zip(prediction.names, detections.confidence, strict=True)
    return [f"{name} {confidence:.2f}" for name, confidence in scores]
