"""The family photo-quality, written once over any session."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from community_model.package import SMALLEST_EDGE, QualityConfig
from community_model.prediction import ImageQuality
from inference_models import ColorFormat, CorruptedModelPackageError, ModelInputError
from inference_models.developer_tools import (
    Array,
    Images,
    Session,
    SessionOpener,
    SourceImage,
    StagedModel,
    as_float32,
    as_images,
    as_kind,
    as_like,
    run_batched,
)


class PhotoQualityModel(StagedModel[list[Array], list[Array], list[ImageQuality]]):
    """Measures how fit pictures are. `infer` returns an `ImageQuality` for each.

    Pictures may be of any sizes from 16 pixels on; each goes through the network at its own size.
    """

    def __init__(self, session: Session, config: QualityConfig) -> None:
        self._session = self.owns(session)
        self._config = config
        if len(session.inputs) != 1:
            raise CorruptedModelPackageError(
                f"The network must have one input, (batch, 3, height, width), and has {len(session.inputs)}: it is "
                f"none of photo-quality."
            )
        self._input = session.inputs[0].name

    @classmethod
    def from_pretrained(cls, model_name_or_path: str, *, open_session: SessionOpener) -> Self:
        """Load the model from a package directory.

        Args:
            model_name_or_path: the directory.
            open_session: opens the network in the chosen backend.

        Raises:
            CorruptedModelPackageError: quality_config.json cannot be used, or the network is of another kind.
        """
        config = QualityConfig.read(Path(model_name_or_path))  # before the network, which takes longer
        session = open_session(model_name_or_path)
        try:
            return cls(session, config)
        except BaseException:
            session.close()
            raise

    def pre_process(self, images: Images, *, input_color_format: ColorFormat | None = None) -> list[Array]:
        """Return the network's inputs.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image is
                a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy and "rgb" for torch.

        Returns:
            For each image an array (1, 3, h, w) float32 in 0 to 1, red-green-blue, in the library of that image.

        Raises:
            ModelInputError: an image cannot be used, or is smaller than 16 pixels.
        """
        return [self._prepare(image, input_color_format or image.color_format) for image in as_images(images)]

    def forward(self, pre_processed_images: list[Array]) -> list[Array]:
        """Run the network on one picture after the other: they are of different sizes.

        Returns:
            For each picture an array (1, measures), in kind.

        Raises:
            SessionClosedError: after `close()`.
            ModelRuntimeError: the backend failed.
            CorruptedModelPackageError: the output does not fit quality_config.json.
        """
        return [self._measure(image) for image in pre_processed_images]

    def post_process(self, model_results: list[Array]) -> list[ImageQuality]:
        """Hold the network's numbers against the package's limits."""
        return [ImageQuality(as_float32(row[0]), self._config.measures) for row in model_results]

    def _prepare(self, image: SourceImage, color_format: ColorFormat) -> Array:
        import cv2

        pixels = image.pixels
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST_EDGE:
            raise ModelInputError(
                f"A picture of {width} x {height} pixels is too small to be measured: both edges must have "
                f"{SMALLEST_EDGE}. Give a larger part of it."
            )
        factor = self._config.longer_edge / max(height, width)
        if factor < 1:
            size = (max(round(width * factor), SMALLEST_EDGE), max(round(height * factor), SMALLEST_EDGE))
            pixels = np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA), np.uint8)
        if color_format == "bgr":
            pixels = pixels[..., ::-1]
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        planes /= 255
        return as_kind(planes, image.array_kind, image.device)

    def _measure(self, image: Array) -> Array:
        feed = as_kind(image, self._session.array_kind, self._session.device)
        outputs = run_batched(self._session, {self._input: feed})
        wanted = (1, len(self._config.measures))
        measured = next(iter(outputs.values())) if len(outputs) == 1 else None
        if measured is None or tuple(measured.shape) != wanted:
            found = {name: tuple(array.shape) for name, array in outputs.items()}
            raise CorruptedModelPackageError(
                f"The network must give one output of shape {wanted} for a picture, and gives {found}: it and "
                f"quality_config.json do not belong together."
            )
        return as_like(measured, image)
