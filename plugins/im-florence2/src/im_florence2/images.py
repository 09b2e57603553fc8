"""From images to what the checkpoint's own image processor takes: red-green-blue pictures, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import evolve

from inference_models import ColorFormat, ModelLoadingError, PreProcessingOverrides
from inference_models.developer_tools import (
    Image,
    ImageDimensions,
    ImagePreProcessor,
    Images,
    InferenceConfig,
    PreProcessingMetadata,
    SourceImage,
    StaticCropOffset,
    as_images,
    check_image_options,
)


def make_pre_processor(config: InferenceConfig) -> ImagePreProcessor:
    """Return what a package's `inference_config.json` does to images before the checkpoint's own processor.

    That one scales and normalizes the values and takes pictures of any size, whatever the config says about it.

    Raises:
        ModelLoadingError: the config asks for something that is not supported.
    """
    network_input = config.network_input
    if network_input.input_channels != 3:
        raise ModelLoadingError(
            f"network_input.input_channels is {network_input.input_channels}; Florence-2 takes 3. Correct the config."
        )
    plain = evolve(
        network_input,
        color_mode="rgb",
        scaling_factor=None,
        normalization=None,
        dynamic_spatial_size_supported=True,
    )
    return ImagePreProcessor.from_config(evolve(config, network_input=plain))


def prepare_pictures(
    images: Images,
    pre_processor: ImagePreProcessor | None,
    *,
    input_color_format: ColorFormat | None = None,
    overrides: PreProcessingOverrides | None = None,
) -> tuple[list[Any], list[PreProcessingMetadata]]:
    """Return a `PIL.Image` for each image, and how it was made.

    Args:
        images: as `as_images` takes them.
        pre_processor: of the package, if it has an inference config.
        input_color_format: the order of the images' colours; default "bgr" for numpy, "rgb" for torch.
        overrides: single steps of the pre-processor to leave out.

    Raises:
        ModelInputError: an image cannot be used.
        InvalidParameterError: an option has a value that does not exist.
    """
    from PIL import Image as Pillow

    check_image_options(input_color_format, overrides)
    sources = as_images(images)
    if pre_processor is None:
        pictures = [_as_rgb(source, input_color_format) for source in sources]
        return [Pillow.fromarray(picture) for picture in pictures], [_placed(source) for source in sources]
    pictures, metadata = [], []
    for source in sources:  # one by one: they may come out in different sizes
        planes, placed = pre_processor(
            source.pixels, input_color_format=input_color_format or source.color_format, overrides=overrides
        )
        pictures.append(np.rint(planes[0].transpose(1, 2, 0)).clip(0, 255).astype(np.uint8))
        metadata.append(evolve(placed[0], array_kind=source.array_kind, device=source.device))
    return [Pillow.fromarray(picture) for picture in pictures], metadata


def _as_rgb(source: SourceImage, color_format: ColorFormat | None) -> Image:
    in_order = (color_format or source.color_format) == "rgb"
    return np.ascontiguousarray(source.pixels if in_order else source.pixels[..., ::-1])


def _placed(source: SourceImage) -> PreProcessingMetadata:
    size = ImageDimensions(*source.pixels.shape[:2])
    return evolve(untouched(size), array_kind=source.array_kind, device=source.device)


def untouched(size: ImageDimensions) -> PreProcessingMetadata:
    """Return how an image of a size was prepared to which nothing was done."""
    return PreProcessingMetadata(
        pad_left=0,
        pad_top=0,
        pad_right=0,
        pad_bottom=0,
        original_size=size,
        size_after_pre_processing=size,
        inference_size=size,
        scale_width=1.0,
        scale_height=1.0,
        static_crop_offset=StaticCropOffset(0, 0, size.width, size.height),
    )
