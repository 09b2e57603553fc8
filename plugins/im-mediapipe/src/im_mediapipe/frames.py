"""Images as MediaPipe takes them, and what must be known to answer in kind."""

from __future__ import annotations

from typing import TypeVar, get_args

import numpy as np
from attrs import frozen

from inference_models import ColorFormat, InvalidParameterError
from inference_models.developer_tools import ArrayKind, Image, Images, SourceImage, as_images

P = TypeVar("P")


@frozen(eq=False)
class Frame:
    """One image.

    Attributes:
        pixels: (height, width, 3) uint8, red-green-blue, contiguous: MediaPipe reads them by their address alone.
        array_kind: what the image was given as.
        device: where it lay.
    """

    pixels: Image
    array_kind: ArrayKind
    device: str

    @property
    def height(self) -> int:
        """The height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])


def make_frames(images: Images, input_color_format: ColorFormat | None) -> list[Frame]:
    """Return `images` one by one.

    Args:
        images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image is a
            numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
        input_color_format: the order of the images' colours; default "bgr" for numpy, "rgb" for torch.

    Raises:
        ModelInputError: an image cannot be used.
        InvalidParameterError: `input_color_format` is not one of those there are.
    """
    if input_color_format is not None and input_color_format not in get_args(ColorFormat):
        raise InvalidParameterError(
            f'input_color_format must be "rgb" or "bgr", got {input_color_format!r}. Images read by OpenCV are "bgr", '
            f'those read by Pillow or torchvision "rgb".'
        )
    return [_make_frame(image, input_color_format or image.color_format) for image in as_images(images)]


def _make_frame(image: SourceImage, color_format: ColorFormat) -> Frame:
    pixels = np.ascontiguousarray(image.pixels)
    if color_format == "bgr":
        import cv2  # mediapipe cannot be imported without it

        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    return Frame(pixels, image.array_kind, image.device)
