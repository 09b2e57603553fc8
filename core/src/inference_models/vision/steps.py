"""The steps before resizing: static crop, grayscale, contrast, in this order."""

from __future__ import annotations

from typing import Self

import numpy as np
from attrs import evolve, frozen

from inference_models.entities import ColorFormat, PreProcessingOverrides
from inference_models.vision.contrast import enhance_contrast
from inference_models.vision.geometry import ImageDimensions, StaticCropOffset
from inference_models.vision.images import Image
from inference_models.vision.inference_config import ContrastType, ImagePreProcessing, StaticCrop
from inference_models.vision.requirements import opencv

__all__ = ["Steps", "crop_offset", "cropped"]


@frozen
class Steps:
    """What is done to an image before it is resized.

    Attributes:
        static_crop: the part that is used; None: all of it.
        grayscale: whether colour is removed.
        contrast: how contrast is enhanced; None: not.
    """

    static_crop: StaticCrop | None = None
    grayscale: bool = False
    contrast: ContrastType | None = None

    @classmethod
    def from_config(cls, config: ImagePreProcessing) -> Self:
        """Return the steps that `config` enables. Turning upright is not one of them: `load_image` does it."""
        crop, grayscale, contrast = config.static_crop, config.grayscale, config.contrast
        return cls(
            static_crop=crop if crop is not None and crop.enabled else None,
            grayscale=grayscale is not None and grayscale.enabled,
            contrast=contrast.type if contrast is not None and contrast.enabled else None,
        )

    def without(self, overrides: PreProcessingOverrides | None) -> Self:
        """Return the steps that `overrides` leaves on."""
        if overrides is None:
            return self
        return evolve(
            self,
            static_crop=None if overrides.disable_static_crop else self.static_crop,
            grayscale=self.grayscale and not overrides.disable_grayscale,
            contrast=None if overrides.disable_contrast_enhancement else self.contrast,
        )

    def __call__(self, pixels: Image, color_format: ColorFormat, crop: StaticCropOffset) -> Image:
        """Return the image after the steps: (h, w, 3), or (h, w) when it has become grey; a view if only cropped.

        Args:
            pixels: (H, W, 3).
            color_format: the order of its colours, which matters to how bright they are.
            crop: where the static crop lies in this image.
        """
        if self.static_crop is not None:
            pixels = cropped(pixels, crop)
        if self.grayscale:
            cv2 = opencv()
            code = cv2.COLOR_RGB2GRAY if color_format == "rgb" else cv2.COLOR_BGR2GRAY
            pixels = cv2.cvtColor(_interleaved(pixels), code)
        if self.contrast is not None:
            pixels = enhance_contrast(_interleaved(pixels), self.contrast)
        return pixels


def cropped(pixels: Image, crop: StaticCropOffset) -> Image:
    """Return the part of an image (H, W, 3) that `crop` says, as a view; of a tensor too."""
    rows = slice(crop.offset_y, crop.offset_y + crop.crop_height)
    return pixels[rows, crop.offset_x : crop.offset_x + crop.crop_width]


def crop_offset(size: ImageDimensions, crop: StaticCrop) -> StaticCropOffset:
    """Return the part of an image that `crop` names in percent, in whole pixels: at least one."""
    left, right = _from_percent(crop.x_min, crop.x_max, size.width)
    top, bottom = _from_percent(crop.y_min, crop.y_max, size.height)
    return StaticCropOffset(left, top, right - left, bottom - top)


def _from_percent(low: int, high: int, length: int) -> tuple[int, int]:
    start = low * length // 100
    return start, max(high * length // 100, start + 1)


def _interleaved(pixels: Image) -> Image:
    """Return the image laid out as OpenCV takes it; a copy only if it is not. Joining planes is its fast way."""
    if pixels.ndim == 2 or (pixels.strides[2] == 1 and pixels.strides[1] == pixels.shape[2]):
        return pixels
    merged: Image = opencv().merge([np.asarray(pixels[..., channel]) for channel in range(pixels.shape[2])])
    return merged
