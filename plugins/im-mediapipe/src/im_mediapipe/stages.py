"""What MediaPipe's models share. Name these before the task's base class, which declares the stages."""

from __future__ import annotations

from typing import Any

from im_mediapipe.frames import Frame, make_frames
from im_mediapipe.package import MediaPipePackage
from im_mediapipe.tasks import Options
from inference_models import ColorFormat, Confidence, Model
from inference_models.developer_tools import Images, RecommendedParameters, resolve_confidence

Found = list[list[Any]]
"""For each image, MediaPipe's detections."""


class PackageStages(Model):
    """A model with the class names of its package."""

    def __init__(self, package: MediaPipePackage, recommended_parameters: RecommendedParameters | None) -> None:
        self._package = package
        self._tasks = self.owns(package.tasks)
        self._recommended = recommended_parameters

    @property
    def device(self) -> str:
        """Where it runs: MediaPipe is asked for nothing but the CPU."""
        return "cpu"

    @property
    def class_names(self) -> list[str]:
        """The names of all classes, indexed by class id."""
        return list(self._package.class_names)

    def _threshold(self, confidence: Confidence, default: float) -> Any:
        """Return the score from which on results are kept; an array (classes,) where it differs between classes."""
        return resolve_confidence(
            confidence, default=default, class_names=self._package.class_names, recommended=self._recommended
        )


class DetectorStages(PackageStages):
    """A model whose results lie in the image."""

    def pre_process(
        self, images: Images, *, input_color_format: ColorFormat | None = None
    ) -> tuple[list[Frame], list[Frame]]:
        """Return the images as MediaPipe takes them, twice: results are brought back to their size and kind.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: `input_color_format` is not one of those there are.
        """
        frames = make_frames(images, input_color_format)
        return frames, frames

    def _detect(self, frames: list[Frame], options: Options) -> Found:
        return [result.detections for result in self._tasks.run(frames, options)]
