"""Where the pixels of a source image lie in the network's input, and how to get back."""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen

from inference_models.entities import ArrayKind
from inference_models.vision.inference_config import ResizeMode

__all__ = [
    "GEOMETRIES",
    "ImageDimensions",
    "PreProcessingMetadata",
    "StaticCropOffset",
    "center_crop",
    "fit_longer_edge",
    "letterbox",
    "round_up",
    "stretch",
]

_remembered = lru_cache(maxsize=128)  # the frames of a video are all of one size


@frozen
class ImageDimensions:
    """A size in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


@frozen
class StaticCropOffset:
    """The part of the source image that was used, in source pixels."""

    offset_x: int
    offset_y: int
    crop_width: int
    crop_height: int


@frozen(kw_only=True)
class PreProcessingMetadata:
    """How one image was brought to the network's input size; predictions find their way back with it.

    A point of the used part of the source image lies in the input at `x * scale_width + pad_left`,
    `y * scale_height + pad_top`. Coordinates are continuous: pixel 0 spans 0 to 1.

    Attributes:
        pad_left: columns left of the image in the network's input; negative: columns of the image cut off there.
        pad_top: rows above it; negative: cut off.
        pad_right: columns right of it; negative: cut off.
        pad_bottom: rows below it; negative: cut off.
        original_size: of the image as it was given.
        size_after_pre_processing: of the part that was resized (after a static crop, if any).
        inference_size: of the network's input.
        scale_width: input pixels per source pixel, across.
        scale_height: input pixels per source pixel, down.
        static_crop_offset: the part of the source image that was used.
        array_kind: whether the image was a numpy array or a torch tensor; predictions are returned in kind.
        device: where the image lay, as torch names it; "cpu" for numpy.
    """

    pad_left: int
    pad_top: int
    pad_right: int
    pad_bottom: int
    original_size: ImageDimensions
    size_after_pre_processing: ImageDimensions
    inference_size: ImageDimensions
    scale_width: float
    scale_height: float
    static_crop_offset: StaticCropOffset
    array_kind: ArrayKind = "numpy"
    device: str = "cpu"

    @property
    def resized(self) -> ImageDimensions:
        """Height and width of the image inside the padding, with what was cut off."""
        return ImageDimensions(
            height=self.inference_size.height - self.pad_top - self.pad_bottom,
            width=self.inference_size.width - self.pad_left - self.pad_right,
        )


@_remembered
def letterbox(image: ImageDimensions, target: ImageDimensions) -> PreProcessingMetadata:
    """Fit an image into `target` with its proportions kept, centred; an odd rest goes right and below.

    The size is `int(size * ratio)` and the padding `int(rest / 2)`, as the exporters of these packages compute them.
    The scales that come back are those of the whole pixels really used: with the ratio itself, boxes in large images
    would be off by up to a pixel.
    """
    ratio = min(target.width / image.width, target.height / image.height)
    width, height = max(int(image.width * ratio), 1), max(int(image.height * ratio), 1)
    left, top = (target.width - width) // 2, (target.height - height) // 2
    return _placed(image, ImageDimensions(height, width), target, left, top)


@_remembered
def stretch(image: ImageDimensions, target: ImageDimensions) -> PreProcessingMetadata:
    """Make an image exactly as large as `target`, each axis by itself."""
    return _placed(image, target, target, 0, 0)


@_remembered
def center_crop(image: ImageDimensions, target: ImageDimensions) -> PreProcessingMetadata:
    """Take the middle of an image as it is; where it is smaller than `target`, it is centred in black."""
    left, top = (int((of - has) / 2) for of, has in ((target.width, image.width), (target.height, image.height)))
    return _placed(image, image, target, left, top)


@_remembered
def fit_longer_edge(image: ImageDimensions, target: ImageDimensions, divisor: int = 1) -> PreProcessingMetadata:
    """Fit an image into `target` with its proportions kept, and make the network's input no larger than needed.

    Where the network takes multiples of `divisor` only, the input is rounded up to one and the image centred in it.
    """
    resized = letterbox(image, target).resized
    needed = round_up(resized, divisor)
    left, top = (needed.width - resized.width) // 2, (needed.height - resized.height) // 2
    return _placed(image, resized, needed, left, top)


def round_up(size: ImageDimensions, divisor: int) -> ImageDimensions:
    """Return the smallest multiples of `divisor` that are not smaller than `size`."""
    return ImageDimensions(size.height + -size.height % divisor, size.width + -size.width % divisor)


def _placed(
    image: ImageDimensions, resized: ImageDimensions, target: ImageDimensions, left: int, top: int
) -> PreProcessingMetadata:
    return PreProcessingMetadata(
        pad_left=left,
        pad_top=top,
        pad_right=target.width - resized.width - left,
        pad_bottom=target.height - resized.height - top,
        original_size=image,
        size_after_pre_processing=image,
        inference_size=target,
        scale_width=resized.width / image.width,
        scale_height=resized.height / image.height,
        static_crop_offset=StaticCropOffset(0, 0, image.width, image.height),
    )


GEOMETRIES = {
    ResizeMode.STRETCH: stretch,
    ResizeMode.LETTERBOX: letterbox,
    ResizeMode.LETTERBOX_REFLECT_EDGES: letterbox,
    ResizeMode.CENTER_CROP: center_crop,
    ResizeMode.FIT_LONGER_EDGE: fit_longer_edge,
}
